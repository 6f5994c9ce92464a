"""Which open connections are refused by now: what counts of a policy's change, and of who is at the other end."""

from dataclasses import dataclass, field

import pytest

from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import PolicyKey, Workload, WorkloadUid
from sidestep.controlplane.review import Connection, Review
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Authorization, Group, Match, Scope, Side

SERVER, CLIENT = WorkloadUid("c//Pod/shop/server"), WorkloadUid("c//Pod/shop/client")
TUNNEL = Connection(b"1", "10.0.0.2", "10.0.0.1", 80, tunnelled=True)
PLAIN = Connection(b"2", "10.0.0.2", "10.0.0.1", 80, tunnelled=False)
UNKNOWN = Connection(b"3", "10.0.0.9", "10.0.0.1", 80, tunnelled=True)


@dataclass
class Kernel:
    open: list[Connection]
    cut_: list[Connection] = field(default_factory=list)

    def held(self, netns):
        assert netns == "/server"
        return list(self.open)

    def cut(self, netns, connections):
        self.cut_ += connections
        self.open = [each for each in self.open if each not in self.cut_]


class Mesh:
    def __init__(self, *, listed=()):
        self.index = Index()
        self.server = Workload(SERVER, "server", "shop", ("10.0.0.1",), netns="/server", policies=listed)
        client = Workload(CLIENT, "client", "shop", ("10.0.0.2",), account="client")
        self.index.apply(Changes({SERVER: self.server, CLIENT: client}))
        self.kernel = Kernel([TUNNEL, PLAIN, UNKNOWN])
        self.review = Review(self.index, self.kernel)

    def change(self, changes: Changes) -> list[Connection]:
        """What a change cuts."""
        self.kernel.cut_ = []
        for uid in self.review.notice(self.index.apply(changes)):
            self.review.cut(uid)
        return self.kernel.cut_


def policy(principal, scope=Scope.NAMESPACE, action=Action.DENY, namespace="shop"):
    rule = Authorization("p", namespace, scope, action, (Group(((Match(Side(principals=(principal,))),),)),))
    return Changes(policies={PolicyKey(f"{namespace}/p"): rule})


def listed(mesh, *keys):
    return Changes({SERVER: Workload(SERVER, "server", "shop", ("10.0.0.1",), netns="/server", policies=keys)})


KEY = PolicyKey("shop/p")


@pytest.mark.parametrize("scope", [Scope.NAMESPACE, Scope.GLOBAL])
def test_a_new_policy_for_all_cuts_whom_it_refuses(scope):
    assert Mesh().change(policy("cluster.local/ns/shop/sa/client", scope)) == [TUNNEL]


def test_who_came_in_plaintext_has_no_identity_whoever_has_the_address():
    assert Mesh().change(policy("*", action=Action.ALLOW)) == [PLAIN]


def test_nobody_is_cut_by_a_policy_of_another_namespace_or_for_somebody_else():
    mesh = Mesh()
    assert mesh.change(policy("*", namespace="other")) == []
    assert mesh.change(policy("cluster.local/ns/shop/sa/server")) == []


def test_a_policy_that_is_listed_anew_cuts_nobody_not_even_when_it_changes():
    mesh = Mesh()
    assert mesh.change(policy("nobody", Scope.WORKLOAD_SELECTOR)) == []
    assert mesh.change(listed(mesh, KEY)) == []
    assert mesh.change(policy("*", Scope.WORKLOAD_SELECTOR)) == []


def test_a_listed_policy_that_changes_cuts_also_where_it_is_listed_no_more():
    mesh = Mesh(listed=(KEY,))
    assert mesh.change(policy("nobody", Scope.WORKLOAD_SELECTOR)) == []
    assert mesh.change(listed(mesh)) == []
    later = Connection(b"4", "10.0.0.2", "10.0.0.1", 80, tunnelled=True)
    mesh.kernel.open.append(later)
    assert mesh.change(policy("*client", Scope.WORKLOAD_SELECTOR)) == [TUNNEL]
    assert later in mesh.kernel.open


def test_nothing_is_remembered_of_what_has_ended():
    mesh = Mesh()
    mesh.change(listed(mesh, KEY))
    mesh.kernel.open = [Connection(TUNNEL.key + b"1", "10.0.0.2", "10.0.0.1", 80, tunnelled=True)]
    mesh.change(policy("nobody", Scope.WORKLOAD_SELECTOR))
    assert mesh.change(policy("*", Scope.WORKLOAD_SELECTOR)) == mesh.kernel.cut_ != []


def test_a_pod_without_its_proxy_is_not_looked_at():
    mesh = Mesh()
    gone = Workload(SERVER, "server", "shop", ("10.0.0.1",))
    assert mesh.change(Changes({SERVER: gone})) == []
    assert mesh.change(policy("*")) == []
