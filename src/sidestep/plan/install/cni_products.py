"""What Cilium and Calico must be told, and whether they were.

`semantics.cni_conflicts` knows which settings conflict; here every one of them is listed, the good ones as met, so
that a reader sees what was looked at and what could not be.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.model.kinds import CONFIG_MAP, DAEMON_SET, FELIX_CONFIGURATION
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.model.views.apps import Controller
from sidestep.plan.install.releases import minor
from sidestep.plan.install.values import Requirement
from sidestep.semantics.cni_conflicts import conflicts
from sidestep.semantics.images import release_of
from sidestep.semantics.network_policies import PROBES

_CILIUM = (
    ("cni-exclusive", "cni.exclusive=false", "Cilium deletes the configuration of istio-cni"),
    ("enable-bpf-masquerade", "bpf.masquerade=false", "kubelet probes of ambient pods fail"),
    (
        "bpf-lb-sock-hostns-only",
        "socketLB.hostNamespaceOnly=true",
        "pods dial pod addresses instead of services, so that service waypoints are passed by",
    ),
)
_CILIUM_AGENTS = ("cilium", "anetd")
_POLICIES = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
_CALICO_EBPF = (3, 29)
_LOAD_BALANCING = "bpfConnectTimeLoadBalancing: Disabled and bpfHostNetworkedNATWithoutCTLB: Enabled, if bpfEnabled"


def cilium(mesh: Mesh) -> Iterator[Requirement]:
    """Cilium's settings, where Cilium is there; GKE Dataplane V2 is Cilium by another name."""
    config = mesh.find(CONFIG_MAP, "kube-system", "cilium-config")
    agent = _agent(mesh, *_CILIUM_AGENTS)
    if config is None and agent is None:
        return
    product = "GKE Dataplane V2 (Cilium)" if agent and agent.meta.name == "anetd" else "Cilium"
    against = {each.setting: each for each in conflicts(mesh) if config and each.resource is config}
    for setting, change, because in _CILIUM:
        met = setting not in against if config else None
        where = config or agent
        yield Requirement(
            product, change, because, met, where.id if where else None, f"data.{setting}" if config else ""
        )
    yield _probes(mesh, product)


def calico(mesh: Mesh) -> Iterator[Requirement]:
    """Calico's settings, where Calico is there; they only matter with its eBPF data plane."""
    felix, agent = mesh.find(FELIX_CONFIGURATION, "", "default"), _agent(mesh, "calico-node")
    if felix is None:
        if agent:
            because = "with eBPF pods dial pod addresses instead of services, so that waypoints are passed by"
            yield Requirement("Calico", _LOAD_BALANCING, because, None, agent.id)
        return
    if (felix.view.spec or {}).get("bpfEnabled") is not True:
        return
    against = {each.setting: each for each in conflicts(mesh) if each.resource is felix}
    found = against.get("bpfConnectTimeLoadBalancing")
    because = found.effect if found else "otherwise waypoints are passed by"
    yield Requirement("Calico", _LOAD_BALANCING, because, found is None, felix.id, "spec.bpfConnectTimeLoadBalancing")
    yield _probe_fix(felix, agent, bypasses="bpfHostConntrackBypass" in against)


def _probe_fix(felix: Resource[Any], agent: Resource[Controller] | None, *, bypasses: bool) -> Requirement:
    """Either the release that mends probes, or the setting that avoids the fault."""
    template = agent.view.spec.template if agent else None
    images = [each.image for each in (template.spec.containers or ())] if template else []
    release = minor(next((found for image in images if (found := release_of(image))), None))
    off = (felix.view.spec or {}).get("bpfHostConntrackBypass") is False
    met = True if off or (release and release >= _CALICO_EBPF) else False if release or bypasses else None
    change = "Calico 3.29 or later, or bpfHostConntrackBypass: false"
    return Requirement(
        "Calico", change, "kubelet probes of ambient pods fail otherwise", met, felix.id, "spec.bpfHostConntrackBypass"
    )


def _probes(mesh: Mesh, product: str) -> Requirement:
    """Met where a policy names the address; unknown where none was read, because Cilium's kinds are not fetched."""
    named = next((each for each in mesh.others if each.kind in _POLICIES and PROBES[0].encode() in each.body), None)
    change = f"a CiliumClusterwideNetworkPolicy that admits ingress from {PROBES[0]}, if any policy denies by default"
    because = "kubelet probes of ambient pods come from this address, and a default deny drops them"
    return Requirement(product, change, because, True if named else None, named.id if named else None)


def _agent(mesh: Mesh, *names: str) -> Resource[Controller] | None:
    return next((each for each in mesh.of(DAEMON_SET) if each.meta.name in names), None)
