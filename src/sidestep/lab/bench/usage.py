"""What proxies use, by their role: CPU by their own clocks, memory with shared pages divided."""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client

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


def role_of(process: str) -> str:
    """The role of a proxy by the name of its process; empty for what is none."""
    kind, _, rest = process.partition("/")
    return "node" if kind in {"envoy", "ztunnel"} and "/" not in rest else kind if kind in ROLES else ""


def spent(before: Mapping[str, Used], after: Mapping[str, Used]) -> dict[str, float]:
    """CPU seconds by role between two looks."""
    return {role: each.cpu - before.get(role, Used()).cpu for role, each in after.items()}
