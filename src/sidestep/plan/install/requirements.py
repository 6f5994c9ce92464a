"""What to change in other products before the charts are installed, product by product.

Source: istio-semantics.md §6.1 (g) and §6.2; Istio's platform prerequisites.
"""

from collections.abc import Callable, Iterator

from sidestep.model.kinds import DAEMON_SET, NAMESPACE
from sidestep.model.resource import Resource
from sidestep.model.views.apps import Controller
from sidestep.plan.install.autoscaling import adds_nodes
from sidestep.plan.install.cni_products import calico, cilium
from sidestep.plan.install.current import helm_release, is_operated, variable
from sidestep.plan.install.platform import Platform
from sidestep.plan.install.releases import AMBIENT, ZTUNNEL_QUOTA, knows, minor
from sidestep.plan.install.situation import Situation
from sidestep.plan.install.trees import inner
from sidestep.plan.install.values import Requirement

_MODE = "POD_SECURITY_GROUP_ENFORCING_MODE"
_POD_SECURITY = "pod-security.kubernetes.io/enforce"


def requirements(found: Situation) -> tuple[Requirement, ...]:
    """All of them, met or not, so that a reader sees what was looked at."""
    return tuple(each for part in _PARTS for each in part(found))


def _installer(found: Situation) -> Iterator[Requirement]:
    """Helm must own what it is to change."""
    for each in (found.current.istiod, *found.current.others):
        if each is None:
            continue
        deployment = each.resource
        if is_operated(deployment):
            yield Requirement(
                "Sail operator",
                "give these values to the kinds Istio, IstioCNI and ZTunnel (spec.values), and do not run Helm",
                "the operator puts back what Helm changes",
                met=False, object=deployment.id, field="metadata.ownerReferences",
            )  # fmt: skip
        elif each is found.current.istiod and not helm_release(deployment):
            yield Requirement(
                "Helm",
                "adopt what istioctl or an operator installed: Helm 3.17 or later with --take-ownership, as the "
                "commands say; or give the same values to the installer that was used",
                "Helm refuses to change objects that it did not make",
                met=False, object=deployment.id, field="metadata.annotations[meta.helm.sh/release-name]",
            )  # fmt: skip


def _versions(found: Situation) -> Iterator[Requirement]:
    template = found.current.template
    if template is None:
        return
    runs, wanted = minor(template.version), minor(found.version)
    field = "spec.template.spec.containers[discovery].image"
    if runs is None:
        because = "the image's tag names no release; the charts must not be older than what runs"
        yield Requirement(
            "Istio", "say which release to install (version)", because, bool(found.version), template.resource.id, field
        )
    elif runs < AMBIENT:
        change = f"upgrade istiod from {template.version} to 1.24 or later, one minor release at a time"
        because = "ambient is generally available since 1.24"
        yield Requirement("Istio", change, because, met=False, object=template.resource.id, field=field)
    elif wanted and not 0 <= wanted[1] - runs[1] <= 1:
        change = f"go from {template.version} to {found.version} one minor release at a time, never back"
        because = "Istio supports a step of one minor release in place"
        yield Requirement("Istio", change, because, met=False, object=template.resource.id, field=field)


def _other_revisions(found: Situation) -> Iterator[Requirement]:
    for each in found.current.others:
        count = found.scale.sidecars.get(each.revision, 0)
        if count:
            goal = found.current.revision
            change = f"move {count} sidecars of {each.revision} to {goal}, or enable ambient there too"
            because = "sidecars of a control plane without ambient get no HBONE, and ztunnel obeys one revision only"
            yield Requirement(
                "Istio", change, because, met=False, object=each.resource.id, field="metadata.labels[istio.io/rev]"
            )


def _cni(found: Situation) -> Iterator[Requirement]:
    yield from cilium(found.mesh)
    yield from calico(found.mesh)


def _aws(found: Situation) -> Iterator[Requirement]:
    """Security groups for pods move a pod's packets past the host, where probes are answered for."""
    agent = found.mesh.find(DAEMON_SET, "kube-system", "aws-node")
    change = f"{_MODE}=standard in the environment of aws-node"
    because = "with security groups for pods in strict mode kubelet probes of ambient pods fail"
    if agent is None:
        if found.platform.platform is Platform.EKS:
            yield Requirement("Amazon VPC CNI", change, because)
        return
    groups, mode = _aws_variable(agent, "ENABLE_POD_ENI"), _aws_variable(agent, _MODE)
    met = groups in (None, "false") or mode == "standard"
    unread = groups == "" or (groups == "true" and mode == "")
    yield Requirement(
        "Amazon VPC CNI",
        change,
        because,
        None if unread else met,
        agent.id,
        f"spec.template.spec.containers[].env[{_MODE}]",
    )


def _aws_variable(agent: Resource[Controller], name: str) -> str | None:
    """Its value; empty where it is there without one that could be read."""
    template = agent.view.spec.template
    for container in (template.spec.containers or ()) if template else ():
        if any(each.name == name for each in container.env or ()):
            return variable(container, name) or ""
    return None


def _gke(found: Situation) -> Iterator[Requirement]:
    if found.platform.platform is not Platform.GKE or knows(found.version, ZTUNNEL_QUOTA):
        return
    spaces = ", ".join(sorted({found.cni_namespace, found.ztunnel_namespace}))
    change = f"a ResourceQuota for the priority class system-node-critical in {spaces}"
    because = "GKE admits such pods outside kube-system only with one, and ztunnel's chart has none before 1.26"
    yield Requirement("GKE", change, because)


def _openshift(found: Situation) -> Iterator[Requirement]:
    if found.platform.platform is not Platform.OPENSHIFT:
        return
    path = ("spec", "defaultNetwork", "ovnKubernetesConfig", "gatewayConfig", "routingViaHost")
    network = next(
        (
            each
            for each in found.mesh.others
            if each.kind == "Network" and each.api_version.startswith("operator.openshift.io/")
        ),
        None,
    )
    met = (inner(network.tree(), *path) is True) if network else None
    because = "with OVN-Kubernetes in shared gateway mode kubelet probes of ambient pods fail"
    yield Requirement(
        "OpenShift",
        "routingViaHost: true (local gateway mode)",
        because,
        met,
        network.id if network else None,
        ".".join(path),
    )


def _node_taint(found: Situation) -> Iterator[Requirement]:
    grows = adds_nodes(found.mesh)
    if grows is None:
        return
    where = {"Karpenter": "startupTaints of every NodePool", "EKS Auto Mode": "startupTaints of every NodePool"}
    place = where.get(grows.who, "the template of every node group, and --startup-taint of the autoscaler")
    change = f"start new nodes with the taint cni.istio.io/not-ready:NoSchedule ({place})"
    because = "istiod only lifts the taint; without it pods start on a new node before istio-cni, outside the mesh"
    yield Requirement(grows.who, change, because, None, grows.object, grows.field)


def _certificates(found: Situation) -> Iterator[Requirement]:
    address = inner(found.current.values, "global", "caAddress")
    if found.current.injector and isinstance(address, str) and address:
        change = (
            f"let {found.ztunnel_namespace}/ztunnel ask for certificates of pods "
            "(istio-csr: app.server.caTrustedNodeAccounts)"
        )
        because = f"certificates come from {address}, which must know the node proxies that act for pods"
        yield Requirement(
            "certificate authority", change, because, None, found.current.injector.id, "data.values: global.caAddress"
        )


def _trust_domains(found: Situation) -> Iterator[Requirement]:
    aliases = inner(found.current.mesh, "trustDomainAliases")
    if found.current.mesh_config and isinstance(aliases, list) and aliases:
        names = ", ".join(map(str, aliases))
        change = f"write principals of {names} with the mesh's own trust domain in policies that ztunnel enforces"
        because = "ztunnel does not expand aliases: such an ALLOW refuses and such a DENY admits (D10)"
        yield Requirement(
            "AuthorizationPolicy",
            change,
            because,
            None,
            found.current.mesh_config.id,
            f"{found.current.mesh_field}: trustDomainAliases",
        )


def _privileges(found: Situation) -> Iterator[Requirement]:
    """Pod security admission must let the node components in."""
    for space in sorted({found.cni_namespace, found.ztunnel_namespace}):
        namespace = found.mesh.find(NAMESPACE, "", space)
        level = namespace.meta.labels.get(_POD_SECURITY) if namespace else None
        if namespace and level in ("baseline", "restricted"):
            change = f"label namespace {space} {_POD_SECURITY}=privileged"
            because = f"{level} refuses the host paths and capabilities of istio-cni and ztunnel"
            yield Requirement(
                "Pod security admission",
                change,
                because,
                met=False,
                object=namespace.id,
                field=f"metadata.labels[{_POD_SECURITY}]",
            )


_PARTS: tuple[Callable[[Situation], Iterator[Requirement]], ...] = (
    _installer, _versions, _other_revisions, _cni, _aws, _gke, _openshift, _node_taint, _certificates, _trust_domains,
    _privileges,
)  # fmt: skip
