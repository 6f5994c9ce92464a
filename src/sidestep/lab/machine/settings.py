"""How a lab is brought up: what the verb writes into the scratch folder, and the first process reads there."""

from pathlib import Path

import msgspec
from msgspec import Struct

from sidestep.lab.cluster.objects import Tree


class NodeSettings(Struct, frozen=True):
    """A node: its name and labels, of which the topology's tell its zone."""

    name: str
    labels: dict[str, str] = {}

    @property
    def zone(self) -> str:
        """Where it stands; empty for nowhere in particular."""
        return self.labels.get("topology.kubernetes.io/zone", "")


class Settings(Struct, frozen=True):
    """How a lab is brought up.

    Attributes:
        name: of the lab.
        nodes: at least one.
        objects: to begin with.
        envoy: path of the program.
        ztunnel: path of Istio's own program, which is the nodes' proxy in Envoy's place then.
        concurrency: worker threads of each proxy.
        trust_domain: of the mesh.
        aliases: other names of the trust domain: who has a certificate of such a name is let in.
        drain: seconds that a proxy leaves its peers to turn to the one that replaces it.
        metrics: whether proxies write of connections, of which metrics are made.
        delay: seconds between zones, one way.
        loss: share of packets lost between zones.
    """

    name: str
    nodes: tuple[NodeSettings, ...]
    objects: tuple[Tree, ...] = ()
    envoy: str = ""
    ztunnel: str = ""
    concurrency: int = 1
    trust_domain: str = "cluster.local"
    aliases: tuple[str, ...] = ()
    drain: int = 10
    metrics: bool = True
    delay: float = 0.0
    loss: float = 0.0

    def write(self, root: Path) -> Path:
        """Into the scratch folder."""
        path = root / "settings.json"
        path.write_bytes(msgspec.json.encode(self))
        return path


def read_settings(root: Path) -> Settings:
    """From the scratch folder."""
    return msgspec.json.decode((root / "settings.json").read_bytes(), type=Settings)
