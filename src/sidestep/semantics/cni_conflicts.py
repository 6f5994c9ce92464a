"""Settings of the cluster's own CNI under which istio-cni loses or is passed by.

Source: istio-semantics.md §6.1 (g): Istio's platform prerequisites, cilium and calico issues named there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import CONFIG_MAP, FELIX_CONFIGURATION
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource


class Conflict(Struct, frozen=True):
    """One setting that must change.

    Attributes:
        resource: the object that holds it.
        setting: its name there.
        value: what it is.
        effect: what happens with ambient.
        required: what to set, in the words of the product's own installer.
    """

    resource: Resource[Any]
    setting: str
    value: str
    effect: str
    required: str


def conflicts(mesh: Mesh) -> Iterator[Conflict]:
    """All conflicting settings of Cilium and Calico."""
    cilium = mesh.find(CONFIG_MAP, "kube-system", "cilium-config")
    if cilium is not None:
        yield from _cilium(cilium, cilium.view.data or {})
    felix = mesh.find(FELIX_CONFIGURATION, "", "default")
    if felix is not None:
        yield from _calico(felix, felix.view.spec or {})


def _cilium(resource: Resource[Any], data: Mapping[str, str]) -> Iterator[Conflict]:
    for setting, effect, required in (
        ("cni-exclusive", "Cilium deletes the configuration of istio-cni", "cni.exclusive=false"),
        ("enable-bpf-masquerade", "kubelet probes of ambient pods fail", "bpf.masquerade=false"),
    ):
        if data.get(setting) == "true":
            yield Conflict(resource, setting, "true", effect, required)
    balances = data.get("bpf-lb-sock") == "true" or data.get("kube-proxy-replacement") in ("true", "strict")
    if balances and data.get("bpf-lb-sock-hostns-only") != "true":
        value = data.get("bpf-lb-sock-hostns-only", "absent")
        effect = "pods dial pod addresses instead of services, so that service waypoints are passed by"
        yield Conflict(resource, "bpf-lb-sock-hostns-only", value, effect, "socketLB.hostNamespaceOnly=true")


def _calico(resource: Resource[Any], spec: Mapping[str, Any]) -> Iterator[Conflict]:
    if spec.get("bpfEnabled") is not True:
        return
    old = spec.get("bpfConnectTimeLoadBalancingEnabled")
    mode = spec.get("bpfConnectTimeLoadBalancing", "TCP")
    if old is not False and mode != "Disabled":
        effect = "pods dial pod addresses instead of services, so that waypoints are passed by"
        required = "bpfConnectTimeLoadBalancing: Disabled and bpfHostNetworkedNATWithoutCTLB: Enabled"
        yield Conflict(resource, "bpfConnectTimeLoadBalancing", str(mode), effect, required)
    if spec.get("bpfHostConntrackBypass") is True:
        effect = "kubelet probes of ambient pods fail before Calico 3.29"
        yield Conflict(resource, "bpfHostConntrackBypass", "True", effect, "bpfHostConntrackBypass: false")
