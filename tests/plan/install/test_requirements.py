"""What must change elsewhere first."""

import pytest
from tests.support.install import config_map, daemon_set, injector, istiod, mesh_config, node
from tests.support.mesh import labelled, mesh, o

from sidestep.plan.install.files import install_files
from sidestep.plan.install.values import InstallSettings

EKS = node(labels={"eks.amazonaws.com/nodegroup": "g"})


def found(product, *objects):
    made = install_files(mesh(istiod(), *objects), InstallSettings())
    return {each.change: each for each in made.requirements if each.product == product}


def met(product, *objects):
    return [each.met for each in found(product, *objects).values()]


def cilium(**data):
    return config_map("cilium-config", "kube-system", **{key.replace("_", "-"): value for key, value in data.items()})


def felix(**spec):
    return o.thing("crd.projectcalico.org/v1", "FelixConfiguration", o.meta("default"), spec=spec)


def test_a_plain_cluster_needs_nothing():
    assert install_files(mesh(istiod(), node()), InstallSettings()).requirements == ()


class TestCilium:
    def test_each_setting_is_listed_met_or_not(self):
        each = found(
            "Cilium", cilium(cni_exclusive="true", enable_bpf_masquerade="false", kube_proxy_replacement="true")
        )
        assert {change: one.met for change, one in each.items() if "=" in change} == {
            "cni.exclusive=false": False, "bpf.masquerade=false": True, "socketLB.hostNamespaceOnly=true": False,
        }  # fmt: skip
        assert str(each["cni.exclusive=false"].object) == "ConfigMap kube-system/cilium-config"
        assert each["cni.exclusive=false"].field == "data.cni-exclusive"

    def test_what_was_not_read_is_to_check(self):
        assert met("Cilium", daemon_set("cilium")) == [None] * 4
        assert met("GKE Dataplane V2 (Cilium)", daemon_set("anetd")) == [None] * 4

    def test_a_policy_for_probes_is_seen(self):
        policy = o.thing(
            "cilium.io/v2",
            "CiliumClusterwideNetworkPolicy",
            o.meta("probes"),
            spec={"ingress": [{"fromCIDR": ["169.254.7.127/32"]}]},
        )
        assert met("Cilium", cilium(), policy)[-1] is True


class TestCalico:
    def test_without_ebpf_nothing_is_asked(self):
        assert met("Calico", felix(bpfEnabled=False), daemon_set("calico-node")) == []

    def test_with_ebpf_load_balancing_and_the_probe_fix(self):
        assert met("Calico", felix(bpfEnabled=True)) == [False, None]
        settings = {"bpfEnabled": True, "bpfConnectTimeLoadBalancing": "Disabled"}
        assert met("Calico", felix(**settings, bpfHostConntrackBypass=False)) == [True, True]
        assert met("Calico", felix(**settings, bpfHostConntrackBypass=True)) == [True, False]

    @pytest.mark.parametrize(("version", "mended"), [("v3.28.1", False), ("v3.29.0", True)])
    def test_the_release_tells_whether_probes_are_mended(self, version, mended):
        agent = daemon_set("calico-node", "calico-system", image=f"registry.acme.test/calico/node:{version}")
        assert met("Calico", felix(bpfEnabled=True), agent)[1] is mended

    def test_what_was_not_read_is_to_check(self):
        assert met("Calico", daemon_set("calico-node", "calico-system")) == [None]


class TestAws:
    @pytest.mark.parametrize(
        ("env", "expected"),
        [
            ({}, True),
            ({"ENABLE_POD_ENI": "false"}, True),
            ({"ENABLE_POD_ENI": "true"}, False),
            ({"ENABLE_POD_ENI": "true", "POD_SECURITY_GROUP_ENFORCING_MODE": "strict"}, False),
            ({"ENABLE_POD_ENI": "true", "POD_SECURITY_GROUP_ENFORCING_MODE": "standard"}, True),
            ({"ENABLE_POD_ENI": None}, None),
            ({"ENABLE_POD_ENI": "true", "POD_SECURITY_GROUP_ENFORCING_MODE": None}, None),
        ],
    )
    def test_security_groups_for_pods_must_be_in_standard_mode(self, env, expected):
        assert met("Amazon VPC CNI", EKS, daemon_set("aws-node", env=env)) == [expected]

    def test_an_agent_that_was_not_read_is_to_check(self):
        assert met("Amazon VPC CNI", EKS) == [None]
        assert met("Amazon VPC CNI", node()) == []


def test_an_authority_of_its_own_must_know_ztunnel():
    assert met("certificate authority", injector({"global": {"caAddress": "csr.cert-manager.svc:443"}})) == [None]
    assert met("certificate authority", injector({"global": {"caAddress": ""}})) == []


def test_aliases_of_the_trust_domain_mean_nothing_to_ztunnel():
    (each,) = found("AuthorizationPolicy", mesh_config("trustDomainAliases: [old.test]")).values()
    assert "old.test" in each.change


@pytest.mark.parametrize(("level", "told"), [("restricted", [False]), ("privileged", []), ("", [])])
def test_admission_must_let_the_node_components_in(level, told):
    space = labelled("istio-system", {"pod-security.kubernetes.io/enforce": level} if level else {})
    assert met("Pod security admission", space) == told


def test_an_operator_is_given_the_values_and_helm_is_left_alone():
    owners = [{"apiVersion": "sailoperator.io/v1", "kind": "IstioRevision", "name": "default", "uid": "1"}]
    made = install_files(mesh(istiod(owners=owners, owned=False)), InstallSettings())
    assert (made.commands, made.rollback) == ((), ())
    assert [each.product for each in made.requirements] == ["Sail operator"]


def test_what_helm_did_not_make_must_be_adopted():
    made = install_files(mesh(istiod(owned=False)), InstallSettings())
    assert [each.product for each in made.requirements] == ["Helm"]
    assert "--take-ownership" in made.commands[1]
