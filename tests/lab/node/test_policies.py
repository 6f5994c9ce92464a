"""Policies on moving packets: who is let in, at which port, from where; and what an edit does to open connections."""

import pytest
from tests.support.lab import Talk, asked, greeter, run_inside
from tests.support.node_mesh import Action, Match, NodeMesh, Scope, Side, policy, principal

from sidestep.semantics.authorization.ztunnel import Account, Address

HEARD, SILENT = True, False
ANYBODY = Side(principals=("*",))
STRICT = policy("strict", Action.DENY, Match(negative=ANYBODY))
CASES = {
    # name: (policies, who is heard: a, c, plain at port 8080; a, c, plain at port 8081)
    "none": ((), "aaa aaa"),
    "strict": ((STRICT,), "aa- aa-"),
    "nobody": ((policy("p", Action.ALLOW, rules=False),), "--- ---"),
    "a deny without rules": ((policy("p", Action.DENY, rules=False),), "aaa aaa"),
    "a rule without conditions": ((policy("p", Action.ALLOW, Match()),), "--- ---"),
    "one principal": ((policy("p", Action.ALLOW, Match(principal("a"))),), "a-- a--"),
    "one port": ((policy("p", Action.ALLOW, Match(Side(ports=(8080,)))),), "aaa ---"),
    "not a port": ((policy("p", Action.DENY, Match(negative=Side(ports=(8080,)))),), "aaa ---"),
    "a principal at a port": ((policy("p", Action.DENY, Match(Side(principals=("*/sa/a",), ports=(8081,)))),), "aaa -aa"),
    "strict at a port": ((policy("p", Action.DENY, Match(Side(ports=(8081,)), ANYBODY)),), "aaa aa-"),
    "a namespace": ((policy("p", Action.ALLOW, Match(Side(namespaces=("def*",)))),), "aa- aa-"),
    "not a namespace": ((policy("p", Action.DENY, Match(negative=Side(namespaces=("other",)))),), "--- ---"),
    "an account": ((policy("p", Action.ALLOW, Match(Side(accounts=(Account("default", "c"),)))),), "-a- -a-"),
    "a network": ((policy("p", Action.ALLOW, Match(Side(source_ips=(Address("10.128.16.0", 20),)))),), "--a --a"),
    "not a network": ((policy("p", Action.ALLOW, Match(negative=Side(source_ips=(Address("10.128.16.0", 20),)))),), "aa- aa-"),
    "its own address": ((policy("p", Action.ALLOW, Match(Side(destination_ips=(Address("10.128.16.0", 20),)))),), "aaa aaa"),
    "deny wins": ((policy("p", Action.ALLOW, Match(ANYBODY)), policy("q", Action.DENY, Match(principal("c")))), "a-- a--"),
    "everywhere": ((policy("p", Action.ALLOW, Match(principal("c")), scope=Scope.GLOBAL),), "-a- -a-"),
    "listed by nobody": ((policy("p", Action.DENY, Match(), Match(ANYBODY), scope=Scope.WORKLOAD_SELECTOR),), "aaa aaa"),
}  # fmt: skip


def every_case() -> dict[str, str]:
    """The matrix, in one mesh that is edited again and again; also what is refused at first and admitted later."""
    mesh = NodeMesh()
    a, c, b = mesh.add("a", 0), mesh.add("c", 0), mesh.add("b", 1)
    plain = mesh.add("plain", 1, captured=False)
    met = {}
    with greeter(b.namespace, 8080, "b"), greeter(b.namespace, 8081, "b"):
        for name, (policies, _) in CASES.items():
            held = [Talk(each.namespace, b.ipv4, 8080) for each in (a, plain)] if name == "one port" else []
            mesh.put(*policies)
            mesh.settle()
            met[name] = " ".join(
                "".join("a" if asked(pod.namespace, b.ipv4, port) else "-" for pod in (a, c, plain))
                for port in (8080, 8081)
            )
            if held:
                mesh.until(lambda: mesh.reviewing.idle, "the end of the review")
                met["held"] = str([each.echoes("still") for each in held])
            for each in policies:
                mesh.take(each)
    return met


@pytest.fixture(scope="module")
def met() -> dict[str, str]:
    return run_inside(every_case, timeout=120)


@pytest.mark.parametrize("name", CASES)
def test_who_is_heard(met, name):
    assert met[name] == CASES[name][1]


def test_an_edit_that_still_admits_them_cuts_no_open_connection(met):
    assert met["held"] == "[True, True]"


def selectors() -> dict[str, str]:
    mesh = NodeMesh()
    a, b, d = mesh.add("a", 0), mesh.add("b", 1), mesh.add("d", 1)
    rule = policy("p", Action.DENY, Match(ANYBODY), scope=Scope.WORKLOAD_SELECTOR)
    mesh.put(rule)
    mesh.change(b, policies=("default/p", "default/never-sent"))
    mesh.settle()
    with greeter(b.namespace, 8080, "b"), greeter(d.namespace, 8080, "d"):
        return {"listed": asked(a.namespace, b.ipv4, 8080), "others": asked(a.namespace, d.ipv4, 8080)}


def test_a_policy_with_a_selector_holds_at_those_who_list_it():
    met = run_inside(selectors)
    assert met["listed"] == ""
    assert met["others"].startswith("d ")
