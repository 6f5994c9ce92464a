"""What proxies use, by their role: CPU by their own clocks, memory with shared pages divided; and their handshakes."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from sidestep.errors import TransportError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.envoy import Admin

ROLES = ("sidecar", "node", "waypoint", "gateway")


class Used(Struct, frozen=True):
    """What processes of one role used until now.

    Attributes:
        cpu: seconds.
        memory: bytes, proportional set size.
        processes: how many.
    """

    cpu: float = 0.0
    memory: int = 0
    processes: int = 0


def used(speaker: Client) -> dict[str, Used]:
    """What all proxies of a lab used until now."""
    found: dict[str, Used] = {}
    for row in speaker.ask(api.Top(0.001)):
        role = role_of(str(row["name"]))
        if role:
            before = found.get(role, Used())
            found[role] = Used(before.cpu + row["cpu"], before.memory + row["memory"], before.processes + 1)
    return found


def waypoints_of(speaker: Client, namespace: str) -> int:
    """Bytes of the waypoints that stand in a namespace."""
    rows = speaker.ask(api.Top(0.001))
    return sum(int(each["memory"]) for each in rows if str(each["name"]).startswith(f"waypoint/{namespace}/"))


def handshakes(folder: Path) -> int:
    """How many connections of TLS were opened to the proxies that run now: each is counted where it comes in.

    Args:
        folder: of the lab.
    """
    found = 0
    for path in folder.rglob("envoy-*.sock"):
        with suppress(TransportError):
            found += Admin(path).handshakes()
    return found


def role_of(process: str) -> str:
    """The role of a proxy by the name of its process; empty for what is none."""
    kind, _, rest = process.partition("/")
    return "node" if kind in {"envoy", "ztunnel"} and "/" not in rest else kind if kind in ROLES else ""


def spent(before: Mapping[str, Used], after: Mapping[str, Used]) -> dict[str, float]:
    """CPU seconds by role between two looks."""
    return {role: each.cpu - before.get(role, Used()).cpu for role, each in after.items()}
