"""Open connections when policies change: who is cut and who stays, as ztunnel does it (checked.md, D16)."""

import pytest
from tests.support.lab import USERS, Talk, asked, greeter, run_inside
from tests.support.node_mesh import Action, Match, NodeMesh, Scope, Side, policy, principal

ANYBODY = Side(principals=("*",))
STRICT = policy("istio_converted_static_strict", Action.DENY, Match(negative=ANYBODY), scope=Scope.WORKLOAD_SELECTOR)
LISTED = "default/rule"


def deny(*accounts: str, scope: Scope = Scope.WORKLOAD_SELECTOR, **side):
    return policy("rule", Action.DENY, Match(principal(*accounts) if accounts else Side(**side)), scope=scope)


class Scene:
    """A server, and clients that hold connections to it: two by tunnel, one in plaintext."""

    def __init__(self) -> None:
        self.mesh = NodeMesh()
        self.server = self.mesh.add("b", 1)
        self.clients = {
            "a": self.mesh.add("a", 0), "c": self.mesh.add("c", 1), "plain": self.mesh.add("plain", 0, captured=False),
        }  # fmt: skip

    def open(self, port: int = 8080) -> None:
        self.talks = {name: Talk(pod.namespace, self.server.ipv4, port) for name, pod in self.clients.items()}
        self.talks |= {f"{name} v6": Talk(self.clients[name].namespace, self.server.ipv6, port) for name in ("a", "c")}

    def still(self, cut: int | None = None) -> str:
        """Those whose connections still answer, after as many were cut as must be."""
        self.mesh.settle()
        if cut is not None:
            self.mesh.until(lambda: self.mesh.reviewing.cut >= cut, f"{cut} cut connections")
        self.mesh.until(lambda: self.mesh.reviewing.idle, "the end of the review")
        return " ".join(name for name, talk in self.talks.items() if talk.greeting and talk.echoes("still"))


def changes() -> dict[str, str]:
    scene = Scene()
    mesh, b, met = scene.mesh, scene.server, {}
    with greeter(b.namespace, 8080, "b"), greeter(b.namespace, 8081, "b"):
        scene.open()
        mesh.put(deny("a", scope=Scope.NAMESPACE))
        met["a new namespace policy"] = scene.still(cut=2)
        mesh.take(deny("a", scope=Scope.NAMESPACE))

        scene.open()
        mesh.put(STRICT)
        mesh.change(b, policies=("default/istio_converted_static_strict",))
        met["a new STRICT"] = scene.still()
        met["a new STRICT, a new connection"] = asked(scene.clients["plain"].namespace, b.ipv4, 8080)
        mesh.change(b, policies=())

        scene.open()
        mesh.put(deny("c"))
        mesh.change(b, policies=(LISTED,))
        met["a new selector policy"] = scene.still()
        mesh.put(deny("a", "c"))
        met["a selector policy that was listed later, changed"] = scene.still()

        mesh.put(deny("nobody"))
        mesh.settle()
        scene.open()
        mesh.put(deny("c"))
        met["a selector policy, changed"] = scene.still(cut=4)
        mesh.put(deny(ports=(8081,)))
        met["a selector policy of another port"] = scene.still()
        mesh.put(policy("rule", Action.ALLOW, Match(ANYBODY), scope=Scope.WORKLOAD_SELECTOR))
        met["no identity"] = scene.still(cut=5)
    return met


@pytest.fixture(scope="module", params=USERS)
def met(request) -> dict[str, str]:
    return run_inside(changes, user=request.param, timeout=120)


SEEN = {
    "a new namespace policy": "c plain c v6",
    "a new STRICT": "a c plain a v6 c v6",
    "a new STRICT, a new connection": "",
    "a new selector policy": "a c plain a v6 c v6",
    "a selector policy that was listed later, changed": "a c plain a v6 c v6",
    "a selector policy, changed": "a plain a v6",
    "a selector policy of another port": "a plain a v6",
    "no identity": "a a v6",
}


@pytest.mark.parametrize("change", SEEN)
def test_who_stays(met, change):
    assert met[change] == SEEN[change]
