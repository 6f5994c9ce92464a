"""Two clients at once, over tunnels and pools that are shared: nobody is taken for somebody else."""

import threading
from typing import Any

import pytest
from tests.lab.waypoint.isolation import mixed, objects
from tests.support.lab import run_inside
from tests.support.labs import lab
from tests.support.waypoint_mesh import Client, WaypointMesh, bound, got, policy_of, service_of, web

WEB = "10.96.0.20"
_TIMES, _LINES = 200, 2
MANY = 8_000


def two_clients() -> dict[str, Any]:
    mesh = WaypointMesh()
    mesh.waypoint()
    target = {"group": "", "kind": "Service", "name": "web"}
    only = {"from": [{"source": {"principals": ["cluster.local/ns/default/sa/a"]}}]}
    mesh.give(
        bound(service_of("web", WEB, ("http", 80))),
        policy_of("only", {"targetRefs": [target], "action": "ALLOW", "rules": [only]}),
    )
    a, x = mesh.add("a", 0), mesh.add("x", 0)
    b = mesh.add("b", 1, serves=[mesh.named("default/web.default.svc.cluster.local")])
    mesh.settle()
    met: dict[str, dict[str, int]] = {"a": {}, "x": {}}

    def ask(name: str, pod: Any, *, fresh: bool) -> None:
        line = Client(pod.namespace, WEB, 80)
        for _ in range(_TIMES // 8 if fresh else _TIMES):
            word = (got(pod.namespace, WEB, 80) if fresh else line.get()).partition(" ")[0]
            met[name][word] = met[name].get(word, 0) + 1
        line.close()

    with web(b.namespace, 80, "b") as seen:
        lines = [
            threading.Thread(target=ask, args=(name, pod), kwargs={"fresh": fresh})
            for name, pod in (("a", a), ("x", x))
            for fresh in (True, *(False for _ in range(_LINES)))
        ]
        for each in lines:
            each.start()
        for each in lines:
            each.join()
    return {**met, "arrived": len(seen)}


def test_no_request_of_one_client_passes_as_the_others():
    met = run_inside(two_clients)
    assert list(met["a"]) == ["200"]
    assert list(met["x"]) == ["403"]
    assert met["arrived"] == sum(met["a"].values()) == sum(met["x"].values())


@pytest.mark.real
def test_of_many_identities_none_is_ever_taken_for_another():
    with lab(*objects(), node_count=2) as made:
        seen = mixed(made, MANY)
    assert (seen.mistaken, seen.others) == (0, {})
    assert seen.allowed == seen.refused == MANY // 2
