import pytest
from tests.support.mesh import app, findings, o, pod

from sidestep.audit.rules.cni_conflict import RULE


def cilium(**data):
    settings = {key.replace("_", "-"): value for key, value in data.items()}
    return o.thing("v1", "ConfigMap", o.meta("cilium-config", "kube-system"), data=settings)


def felix(**spec):
    return o.thing("crd.projectcalico.org/v1", "FelixConfiguration", o.meta("default"), spec=spec)


def cni():
    template = app("istio-cni-node")
    template["metadata"]["labels"]["k8s-app"] = "istio-cni-node"
    template["spec"]["containers"][0]["name"] = "install-cni"
    return pod(template, "cni-1", "istio-system", o.owner("DaemonSet", "istio-cni-node"))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"cni_exclusive": "true"}, ["cni-exclusive"]),
        ({"enable_bpf_masquerade": "true"}, ["enable-bpf-masquerade"]),
        ({"bpf_lb_sock": "true"}, ["bpf-lb-sock-hostns-only"]),
        ({"kube_proxy_replacement": "true"}, ["bpf-lb-sock-hostns-only"]),
    ],
)
def test_reports_settings_of_cilium(settings, names):
    assert [found.evidence[0].field for found in findings(RULE, cilium(**settings))] == names


def test_reports_connect_time_load_balancing_of_calico():
    (found,) = findings(RULE, felix(bpfEnabled=True))
    assert "bpfConnectTimeLoadBalancing" in found.message


def test_silent_on_settings_that_agree():
    agreed = cilium(cni_exclusive="false", bpf_lb_sock="true", bpf_lb_sock_hostns_only="true")
    assert findings(RULE, agreed, felix(bpfEnabled=True, bpfConnectTimeLoadBalancing="Disabled")) == []


def test_silent_on_calico_without_ebpf():
    assert findings(RULE, felix(bpfEnabled=False, bpfHostConntrackBypass=True)) == []


def test_silent_on_a_config_map_of_that_name_elsewhere():
    elsewhere = cilium(cni_exclusive="true")
    elsewhere["metadata"]["namespace"] = "shop"
    assert findings(RULE, elsewhere) == []


def test_boundary_worse_once_istio_cni_is_there():
    setting = cilium(cni_exclusive="true")
    assert [found.severity for found in findings(RULE, setting)] == ["warning"]
    assert [found.severity for found in findings(RULE, setting, cni())] == ["error"]
