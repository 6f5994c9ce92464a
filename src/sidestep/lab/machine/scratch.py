"""The folder in which a lab keeps everything that it writes; nobody but its user may enter it."""

import os
import tempfile
from pathlib import Path

from msgspec import Struct

DEFAULT = "lab"


def home(name: str = DEFAULT) -> Path:
    """Where a lab of this name keeps its things: below `XDG_RUNTIME_DIR`, or else the system's temporary folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) / "sidestep" if runtime else Path(tempfile.gettempdir()) / f"sidestep-{os.getuid()}"
    return base / name


class Scratch(Struct, frozen=True):
    """Paths in the folder."""

    root: Path

    @property
    def socket(self) -> Path:
        """Where verbs speak to the lab."""
        return self.root / "lab.sock"

    @property
    def namespaces(self) -> Path:
        """Links to network namespaces, by names that are used once."""
        return self.root / "netns"

    @property
    def logs(self) -> Path:
        """What processes and containers write."""
        return self.root / "logs"

    @property
    def control_plane(self) -> Path:
        """What the control plane keeps to itself."""
        return self.root / "controlplane"

    @property
    def tokens(self) -> Path:
        """Proxies' tokens, one file each."""
        return self.root / "tokens"

    def node(self, name: str) -> Path:
        """What belongs to a node: its proxy's configuration and sockets."""
        return self.root / "nodes" / name

    def make(self) -> None:
        """All folders, for the user alone."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.namespaces, self.logs, self.control_plane, self.tokens, self.root / "nodes"):
            folder.mkdir(mode=0o700, exist_ok=True)
