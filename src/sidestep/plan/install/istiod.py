"""Values of the chart `istiod`."""

from collections.abc import Iterator

from sidestep.model.kinds import AUTOSCALER
from sidestep.model.quantity import Resources
from sidestep.plan.install.autoscaling import adds_nodes
from sidestep.plan.install.current import DEFAULT, ROOT, Istiod, variable
from sidestep.plan.install.images import image_settings
from sidestep.plan.install.kept import kept_placement, kept_values, kept_variables
from sidestep.plan.install.mesh_config import mesh_settings
from sidestep.plan.install.platform import Platform
from sidestep.plan.install.releases import NATIVE_SIDECARS_AUTO, knows
from sidestep.plan.install.situation import Situation, common
from sidestep.plan.install.sizing import MIB, Today, grpc_bytes, istiod_size
from sidestep.plan.install.trees import inner
from sidestep.plan.install.values import Setting

_NATIVE = "ENABLE_NATIVE_SIDECARS"
_GRPC = "ISTIO_GPRC_MAXRECVMSGSIZE"
_TRUSTED = "CA_TRUSTED_NODE_ACCOUNTS"
_NATIVE_KUBELET = (1, 33)


def istiod_settings(found: Situation) -> Iterator[Setting]:
    """All values of istiod, in the order to print."""
    yield from common(found)
    yield from _revision(found)
    yield from image_settings(found)
    yield from _namespace(found)
    yield from kept_values(found.current)
    yield from mesh_settings(found.current)
    yield from _environment(found)
    yield from _injection_mode(found)
    yield from _size(found)
    if found.current.template:
        yield from kept_placement(found.current.template)
    yield from _node_agents(found)


def _revision(found: Situation) -> Iterator[Setting]:
    istiod, revision = found.current.istiod, found.current.revision
    if revision != DEFAULT:
        because = "this revision is the one to change" if istiod else "a new control plane beside the one that runs"
        yield Setting(
            ("revision",),
            str(revision),
            because,
            istiod.resource.id if istiod else None,
            "metadata.labels[istio.io/rev]",
        )


def _namespace(found: Situation) -> Iterator[Setting]:
    """Also what `rootNamespace` falls back to."""
    template = found.current.template
    if found.current.namespace != ROOT and template:
        path, where = ("global", "istioNamespace"), template.resource.id
        yield Setting(path, found.current.namespace, "istiod runs here", where, "metadata.namespace")


def _environment(found: Situation) -> Iterator[Setting]:
    istiod = found.current.template
    if istiod:
        yield from kept_variables(istiod)
        yield from _trusted(found, istiod)
    yield Setting(("env", "PILOT_ENABLE_AMBIENT"), "true", "istiod serves ztunnel and gives sidecars HBONE")
    yield from _native(found)
    size = grpc_bytes(found.scale.pods)
    if size:
        because = f"a ztunnel that connects again names all {found.scale.pods} pods, at about 100 bytes each, doubled"
        yield Setting(("env", _GRPC), str(size), because)


def _native(found: Situation) -> Iterator[Setting]:
    """Said aloud only where the release would not decide it so by itself."""
    istiod, kubelets = found.current.template, found.scale.kubelets
    decided = istiod is not None and any(each.name == _NATIVE for each in istiod.container.env or ())
    if decided or kubelets is None or kubelets < _NATIVE_KUBELET:
        return
    because = f"every kubelet is at least {kubelets[0]}.{kubelets[1]}: sidecars that stay start first and let Jobs end"
    auto = ", as Istio 1.27 and later do by themselves" if knows(found.version, NATIVE_SIDECARS_AUTO) else ""
    yield Setting(("env", _NATIVE), "true", because + auto)


def _trusted(found: Situation, istiod: Istiod) -> Iterator[Setting]:
    """Where somebody listed the node proxies that may act for pods, ztunnel must be among them."""
    listed, ours = variable(istiod.container, _TRUSTED), f"{found.ztunnel_namespace}/ztunnel"
    if listed and listed != f"{found.current.namespace}/ztunnel" and ours not in listed.split(","):
        field = f"spec.template.spec.containers[discovery].env[{_TRUSTED}]"
        because = "ztunnel added to the accounts that may ask for certificates of pods"
        yield Setting(("env", _TRUSTED), f"{listed},{ours}", because, istiod.resource.id, field)


def _injection_mode(found: Situation) -> Iterator[Setting]:
    """Whether new sidecars use istio-cni for their rules: as today, whatever ambient does on the same node."""
    if found.platform.platform is Platform.OPENSHIFT or found.current.injector is None:
        return
    values, where = found.current.values, found.current.injector.id
    for path in (("pilot", "cni", "enabled"), ("istio_cni", "enabled")):
        told = inner(values, *path)
        if isinstance(told, bool):
            kept = "sidecars go on as today: " + (
                "istio-cni writes their rules" if told else "istio-init writes their rules"
            )
            yield Setting(("cni", "enabled"), told, kept, where, f"data.values: {'.'.join(path)}")
            return


def _size(found: Situation) -> Iterator[Setting]:
    template = found.current.template
    where = template.resource.id if template else None
    size = istiod_size(found.scale, _today(found, template))
    yield Setting(("autoscaleEnabled",), True, "replicas follow CPU between the two bounds")
    yield Setting(("autoscaleMin",), size.replicas, size.count_formula, where, "spec.replicas")
    yield Setting(("autoscaleMax",), size.most, size.most_formula)
    resources = ("resources", "requests")
    yield Setting(
        (*resources, "cpu"), f"{size.requests.cpu_millis}m", size.cpu_formula, where, "resources.requests.cpu"
    )
    memory = size.requests.memory_bytes // MIB
    yield Setting((*resources, "memory"), f"{memory}Mi", size.memory_formula, where, "resources.requests.memory")
    yield from _limits(template, size.requests)


def _limits(template: Istiod | None, requests: Resources) -> Iterator[Setting]:
    """Limits of today that still have room for the requests."""
    if template is None or template.container.resources is None:
        return
    limits, amounts = template.container.resources.limits or {}, template.container.limits
    for name, fits in (
        ("cpu", amounts.cpu_millis >= requests.cpu_millis),
        ("memory", amounts.memory_bytes >= requests.memory_bytes),
    ):
        if limits.get(name) is not None and fits:
            yield Setting(
                ("resources", "limits", name),
                limits[name],
                "set today, kept",
                template.resource.id,
                f"resources.limits.{name}",
            )


def _today(found: Situation, template: Istiod | None) -> Today:
    """What runs, by its autoscaler where it has one."""
    if template is None:
        return Today()
    deployment, target = template.resource, ("Deployment", template.resource.meta.name)
    bounds = [
        each.view.spec
        for each in found.mesh.in_namespace(AUTOSCALER, deployment.meta.namespace)
        if (each.view.spec.scale_target_ref.kind, each.view.spec.scale_target_ref.name) == target
    ]
    least = max((each.min_replicas or 1 for each in bounds), default=deployment.view.spec.replicas or 1)
    return Today(least, max((each.max_replicas for each in bounds), default=0), template.container.requests)


def _node_agents(found: Situation) -> Iterator[Setting]:
    ours = found.current.namespace
    if found.ztunnel_namespace != ours and found.platform.platform is not Platform.OPENSHIFT:
        where = found.current.ztunnel.id if found.current.ztunnel else None
        yield Setting(("trustedZtunnelNamespace",), found.ztunnel_namespace, "ztunnel runs elsewhere", where)
    grows = adds_nodes(found.mesh)
    if grows is None:
        return
    because = f"{grows.who} adds nodes: istiod lifts the taint cni.istio.io/not-ready once istio-cni is ready on one"
    yield Setting(("taint", "enabled"), True, because, grows.object, grows.field)
    if found.cni_namespace != ours:
        yield Setting(("taint", "namespace"), found.cni_namespace, "istio-cni runs elsewhere than istiod")
