"""Tables fit their terminal by cutting what is widest, and say what matters of each kind."""

from sidestep.report.lab.columns import columns_of
from sidestep.report.lab.tables import table

NAME = "a-very-long-name-of-a-pod-that-nobody-reads-to-its-end-5249f1aba4-69c85"
POD = {
    "metadata": {"name": NAME, "namespace": "shop", "annotations": {"ambient.istio.io/redirection": "enabled"}},
    "spec": {"nodeName": "node-1", "containers": [{"image": "shop/web:1"}]},
    "status": {"phase": "Running", "podIP": "10.128.100.100", "podIPs": [{"ip": "10.128.100.100"}, {"ip": "fd00::1"}]},
}
POLICY = {
    "metadata": {"name": "guard", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "rules": [{"from": [{"source": {"namespaces": ["a", "b"]}}]}],
    },
}


def test_a_narrow_terminal_cuts_the_widest_column_and_no_address():
    lines = table([POD], columns_of("pods"), 100).splitlines()
    assert max(map(len, lines)) <= 100
    assert "…" in lines[1]
    assert "10.128.100.100" in lines[1]
    assert NAME in table([POD], columns_of("pods"))


def test_a_terminal_that_is_far_too_narrow_is_no_reason_to_hang():
    assert "10.128.100.100" in table([POD], columns_of("pods"), 10)


def test_wide_says_more():
    assert "fd00::1" not in table([POD], columns_of("pods"))
    assert "fd00::1" in table([POD], columns_of("pods", wide=True))


def test_a_policy_says_whom_it_is_for_and_whom_it_names():
    assert table([POLICY], columns_of("authorizationpolicies.security.istio.io", wide=True)).splitlines()[1].split() == [
        "shop", "guard", "ALLOW", "app=web", "1", "a,b",
    ]  # fmt: skip


def test_malformed_objects_are_shown_all_the_same():
    for key in ("pods", "services", "authorizationpolicies.security.istio.io", "namespaces", "deployments.apps"):
        assert "x" in table([{"metadata": {"name": "x"}, "spec": 7, "status": []}], columns_of(key, wide=True))
