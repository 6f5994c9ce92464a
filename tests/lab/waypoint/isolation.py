"""Who asks through a waypoint is who asked: many identities at once, over node proxies and pools that they share.

    python -m tests.lab.waypoint.isolation --requests 100000

Each client may ask for one path alone. So a request that passed as another's would be refused where it is its own, or
let in where it is not; the exit code says whether any was.
"""

# ruff: noqa: T201 - a program of its own

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

from msgspec import Struct, field
from tests.support.labs import ambient, lab, workload

from sidestep.lab.lab import Lab

CLIENTS = tuple(f"client-{number}" for number in range(8))
_WAYPOINT = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}
_AT_ONCE, _PATIENCE = 25, 20.0


class Seen(Struct):
    """What became of requests.

    Attributes:
        allowed: for the client's own path, that were let in.
        refused: for another's, that were not.
        mistaken: that were refused or let in as somebody else's.
        others: that ended in any other way, by what it was.
    """

    allowed: int = 0
    refused: int = 0
    mistaken: int = 0
    others: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, *, own: bool) -> None:
        """Count one."""
        match kind, own:
            case "ok", True:
                self.allowed += 1
            case "http-403", False:
                self.refused += 1
            case ("ok", False) | ("http-403", True):
                self.mistaken += 1
            case _:
                self.others[kind] += 1


def objects() -> list[dict[str, Any]]:
    """Clients of an identity each, and a server behind a waypoint that knows them apart."""
    meta = {"name": "waypoint", "namespace": "shop"}
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": meta, "spec": _WAYPOINT}
    deployment, service = workload("server")
    service["metadata"] = {**service["metadata"], "labels": {"istio.io/use-waypoint": "waypoint"}}
    rules = [
        {"from": [{"source": {"principals": [f"cluster.local/ns/shop/sa/{name}"]}}], "to": [{"operation": {"paths": [f"/{name}"]}}]}
        for name in CLIENTS
    ]  # fmt: skip
    spec = {"targetRefs": [{"group": "", "kind": "Service", "name": "server"}], "rules": rules}
    policy = {
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "spec": spec,
        "metadata": {"name": "own", "namespace": "shop"},
    }  # fmt: skip
    clients = [each for name in CLIENTS for each in workload(name)]
    return [ambient("shop"), gateway, deployment, service, policy, *clients]


def mixed(made: Lab, requests: int) -> Seen:
    """All ask at once, for their own and for another's, over connections that are kept and over new ones."""
    lines = [
        (name, path, fresh)
        for at, name in enumerate(CLIENTS)
        for path, fresh in ((name, at % 4 == 0), (CLIENTS[at - 1], at % 4 == 1))
    ]
    seen, times = Seen(), requests // len(lines) // _AT_ONCE

    def ask(told: tuple[str, str, bool]) -> list[list[str]]:
        name, path, fresh = told
        asked = partial(made.call, f"shop/{name}", f"http://server/{path}", _AT_ONCE, timeout=_PATIENCE, fresh=fresh)
        return [[each.kind for each in asked()] for _ in range(times)]

    with ThreadPoolExecutor(len(lines)) as pool:
        for (name, path, _), found in zip(lines, pool.map(ask, lines), strict=True):
            for kind in chain.from_iterable(found):
                seen.add(kind, own=name == path)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.waypoint.isolation", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    told = parser.parse_args()
    with lab(*objects(), node_count=2) as made:
        seen = mixed(made, told.requests)
    print(f"{seen.allowed:,} let in as who they are, {seen.refused:,} refused, {seen.mistaken} mistaken for another; others: {dict(seen.others)}")  # fmt: skip
    return 1 if seen.mistaken or seen.others else 0


if __name__ == "__main__":
    raise SystemExit(main())
