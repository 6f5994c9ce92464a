"""The folder in which a lab keeps everything that it writes; nobody but its user may enter it."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from sidestep.errors import WorldError

DEFAULT = "lab"
_LOG_NAME_LIMIT = 63


def home(name: str = DEFAULT) -> Path:
    """Where a lab of this name keeps its things: below `XDG_RUNTIME_DIR`, or else `TMPDIR`, or else `/tmp`.

    It is the same place whatever happened there: `tempfile` looks elsewhere when a disk is full, and finds no lab.
    """
    runtime, temporary = os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    base = Path(runtime) / "sidestep" if runtime else Path(temporary) / f"sidestep-{os.getuid()}"
    return base.absolute() / name


def container_log(logs: Path, uid: str, container: str) -> Path:
    """The file that a container of a pod writes to."""
    return logs / (f"{uid}-{container}"[:_LOG_NAME_LIMIT] + ".log")


def issuer_key(logs: Path) -> Path:
    """The file with the key of the lab's token issuer."""
    return logs.parent / "issuer.pem"


def spans_folder(logs: Path) -> Path:
    """The folder with all spans."""
    return logs.parent / "spans"


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
        """All folders, for the user alone.

        Raises:
            WorldError: somebody else has a folder of that name, or none can be made.
        """
        with self.written():
            self._make_parent()
            self.root.mkdir(mode=0o700, exist_ok=True)
            _keep_to_us(self.root)
            for folder in (self.namespaces, self.logs, self.control_plane, self.tokens, self.root / "nodes"):
                folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else of the same user brings a lab up meanwhile; who comes second waits.

        Raises:
            WorldError: as `make`.
        """
        with self.written():
            self._make_parent()
            folder = os.open(self.root.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    @contextmanager
    def written(self) -> Iterator[None]:
        """What goes wrong with files within is said in words.

        Raises:
            WorldError: the folder cannot be written, or is full.
        """
        try:
            yield
        except OSError as error:
            remedy = f"make room there, or name another folder with {_setting()}"
            raise WorldError(error.strerror or str(error), where=str(self.root), remedy=remedy) from error

    def _make_parent(self) -> None:
        self.root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_to_us(self.root.parent)


def _setting() -> str:
    """What names the folder."""
    return "XDG_RUNTIME_DIR" if os.environ.get("XDG_RUNTIME_DIR") else "TMPDIR"


def _keep_to_us(folder: Path) -> None:
    """The system's temporary folder is everybody's: another user may have made ours before us."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        remedy = f"remove it, or name another folder with {_setting()}"
        raise WorldError("somebody else made this, and the lab's folder belongs here", where=str(folder), remedy=remedy)
    folder.chmod(0o700)
