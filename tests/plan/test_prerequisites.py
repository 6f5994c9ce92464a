"""What must be true before the first workload moves, and whether it is."""

import pytest
from msgspec.structs import replace
from tests.support.install import config_map, istio_cni, istiod, node
from tests.support.mesh import Sidecar, app, facts, inject, o, pod, workload, ztunnel

from sidestep.model.gaps import Gap, GapReason
from sidestep.model.mesh import SourceKind
from sidestep.plan.prerequisites import prerequisites

MESHED = inject(app("cart"), Sidecar())


def check(name, *objects, **how):
    return next(each for each in prerequisites(facts(*objects, **how)) if each.name == name)


def met(name, *objects, **how):
    return check(name, *objects, **how).met


def forbidden(resource):
    return (Gap(resource, GapReason.FORBIDDEN),)


def agent(name, where="n1"):
    template = istio_cni()["spec"]["template"] if name == "istio-cni" else ztunnel()
    return pod(template, f"{name}-{where}", "istio-system", o.owner("DaemonSet", name), node=where)


def unready(made):
    for status in made["status"]["containerStatuses"]:
        status["ready"] = False
    return made


def test_all_of_them_in_a_fixed_order_even_of_nothing():
    assert [each.name for each in prerequisites(facts())] == [
        "istiod-version", "istiod-ambient", "gateway-api", "cni-settings", "istio-cni", "ztunnel", "sidecars-hbone",
        "network-policies", "egress-control", "one-cluster",
    ]  # fmt: skip


def test_what_is_not_met_says_what_to_do_and_what_is_met_does_not():
    for each in prerequisites(facts(istiod(env={"PILOT_ENABLE_AMBIENT": "true"}), node(), *workload(MESHED))):
        assert bool(each.fix) is (each.met is not True)


class TestVersion:
    @pytest.mark.parametrize(
        ("images", "expected"),
        [
            (["pilot:1.24.0"], True),
            (["pilot:1.23.9"], False),
            (["pilot:latest"], None),
            (["pilot:1.29.2", "pilot:1.22.0"], False),
            (["pilot:1.29.2", "pilot:latest"], None),
            (["pilot:latest", "pilot:1.22.0"], False),
            ([], None),
        ],
    )
    def test_every_istiod_is_new_enough(self, images, expected):
        found = [istiod(f"r{number}", image=image) for number, image in enumerate(images)]
        assert met("istiod-version", *found) is expected

    def test_what_a_later_one_gives_is_told(self):
        evidence = check("istiod-version", istiod(image="pilot:1.29.2")).evidence
        assert "1.30 adds" in evidence
        assert "1.29 adds" not in evidence


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"PILOT_ENABLE_AMBIENT": "true"}, True),
        ({"PILOT_ENABLE_AMBIENT": "false"}, False),
        ({"PILOT_ENABLE_AMBIENT": None}, None),
        ({}, False),
    ],
)
def test_ambient_is_on_at_istiod(env, expected):
    assert met("istiod-ambient", istiod(env=env)) is expected
    assert met("istiod-ambient", istiod("on", env={"PILOT_ENABLE_AMBIENT": "true"}), istiod(env=env)) is expected


def test_ambient_at_an_istiod_that_was_not_read():
    assert met("istiod-ambient") is None


class TestGatewayApi:
    KEY = "gatewayclasses.gateway.networking.k8s.io"

    def test_a_kind_that_is_not_served(self):
        found = check("gateway-api", gaps=(Gap(self.KEY, GapReason.ABSENT),))
        assert (found.met, "GatewayClass" in found.evidence) == (False, True)

    def test_a_cluster_without_gaps_serves_it(self):
        assert met("gateway-api") is True

    def test_a_kind_that_was_forbidden_is_unknown(self):
        assert met("gateway-api", gaps=forbidden(self.KEY)) is None

    def test_files_only_tell_by_a_class(self):
        assert met("gateway-api", kind=SourceKind.FILES) is None
        assert met("gateway-api", o.gateway_class(), kind=SourceKind.FILES) is True


class TestAgents:
    @pytest.mark.parametrize("name", ["istio-cni", "ztunnel"])
    def test_ready_on_every_linux_node(self, name):
        windows = node("n3", labels={"kubernetes.io/os": "windows"})
        nodes = (node("n1"), node("n2"), windows)
        assert met(name, *nodes, agent(name, "n1"), agent(name, "n2")) is True
        found = check(name, *nodes, agent(name, "n1"))
        assert (found.met, "1 of 2 nodes: n2" in found.evidence) == (False, True)
        assert met(name, *nodes, agent(name, "n1"), unready(agent(name, "n2"))) is False

    @pytest.mark.parametrize("name", ["istio-cni", "ztunnel"])
    def test_absent(self, name):
        assert met(name, node("n1")) is False

    def test_without_nodes_or_pods_nothing_is_told(self):
        assert met("ztunnel", agent("ztunnel")) is None
        assert met("ztunnel", node("n1"), gaps=forbidden("pods")) is None

    def test_of_some_namespaces_alone_nothing_is_told(self):
        found = facts(node("n1"))
        mesh = replace(found.mesh, source=replace(found.mesh.source, namespaces=("shop",)))
        narrow = replace(found, mesh=mesh)
        assert next(each.met for each in prerequisites(narrow) if each.name == "ztunnel") is None

    def test_many_nodes_are_counted_and_some_are_named(self):
        found = check("ztunnel", *(node(f"n{number}") for number in range(9)))
        assert "9 of 9 nodes: n0, n1, n2, n3, n4 and 4 more" in found.evidence


class TestHbone:
    def test_every_sidecar_must_be_able(self):
        old = inject(app("old"), Sidecar(hbone=False))
        assert met("sidecars-hbone", *workload(MESHED)) is True
        found = check("sidecars-hbone", *workload(MESHED, pods=3), *workload(old, "old", pods=2))
        assert (found.met, found.evidence) == (False, "3 of 5 sidecars can receive HBONE")

    def test_no_sidecars_are_no_obstacle_unless_pods_were_not_read(self):
        assert met("sidecars-hbone", *workload(app("cart"))) is True
        assert met("sidecars-hbone") is None
        assert met("sidecars-hbone", *workload(app("cart")), gaps=forbidden("pods")) is None


class TestNetworkPolicies:
    def test_a_meshed_workload_must_be_reached_on_15008(self):
        found = check("network-policies", *workload(MESHED), o.network_policy("p", "shop", "cart", (8080,)))
        assert (found.met, "Deployment shop/cart" in found.evidence) == (False, True)

    def test_policies_that_admit_it_or_concern_nobody_meshed(self):
        assert met("network-policies", *workload(MESHED), o.network_policy("p", "shop", "cart", (8080, 15008))) is True
        assert met("network-policies", *workload(app("cart")), o.network_policy("p", "shop", "cart", (8080,))) is True
        assert met("network-policies", *workload(MESHED), o.network_policy("p", "shop", "other", (8080,))) is True

    def test_policies_that_were_not_read(self):
        assert met("network-policies", *workload(MESHED), gaps=forbidden("networkpolicies.networking.k8s.io")) is None


def test_settings_of_the_cni():
    assert met("cni-settings", node()) is True
    found = check("cni-settings", config_map("cilium-config", "kube-system", **{"cni-exclusive": "true"}))
    assert (found.met, "cni.exclusive=false" in found.fix) == (False, True)
    assert met("cni-settings", config_map("cilium-config", "kube-system", **{"cni-exclusive": "false"})) is None


def test_other_clusters_are_named_by_secrets_that_nobody_reads():
    assert met("one-cluster", istiod()) is None


class TestEgressControl:
    """What REGISTRY_ONLY keeps in is let out by ztunnel, unless a NetworkPolicy is about it by then."""

    SIDECAR = o.istio("Sidecar", "default", "shop", {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}})

    @staticmethod
    def policy(**selector):
        spec = {"podSelector": {"matchLabels": selector}, "policyTypes": ["Egress"], "egress": []}
        return o.thing("networking.k8s.io/v1", "NetworkPolicy", o.meta("out", "shop"), spec=spec)

    def test_nobody_is_kept(self):
        assert met("egress-control", *workload(MESHED, "cart", "shop")) is True
        assert met("egress-control", self.SIDECAR, *workload(app("cart"), "cart", "shop")) is True

    def test_a_sidecar_alone_keeps(self):
        found = check("egress-control", self.SIDECAR, *workload(MESHED, "cart", "shop"))
        assert found.met is False
        assert "shop/cart" in found.evidence

    @pytest.mark.parametrize(
        ("selector", "expected"),
        [({}, True), ({"istio.io/dataplane-mode": "ambient"}, True), ({"app": "other"}, False)],
    )
    def test_a_network_policy_takes_its_place(self, selector, expected):
        objects = self.SIDECAR, self.policy(**selector), *workload(MESHED, "cart", "shop")
        assert met("egress-control", *objects) is expected
