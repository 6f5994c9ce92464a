"""What stands in the way of ambient by its kind, whatever else is right: each with its object and a way out.

Source: istio-semantics.md §1.3, §1.5, §3.9 (D26, D27, D57) and §6.2 (P19, P22); Istio's own migration guide.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts, Group, Workload
from sidestep.audit.members import fits, has_sidecar, in_scope
from sidestep.model import kinds
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.plan.budgets import allowed, taken_away
from sidestep.plan.install.trees import inner, plain_mapping
from sidestep.semantics.attachment import target_refs
from sidestep.semantics.control_planes import apart
from sidestep.semantics.loose import as_dict
from sidestep.semantics.mesh_config import mesh_config, mesh_configs, root_namespaces
from sidestep.semantics.own_filters import only_measures
from sidestep.semantics.proxies import INTERCEPTION, TEMPLATES, Role
from sidestep.semantics.selectors import selects

NETWORK_LABEL = "topology.istio.io/network"
_PROXY_CONFIG = "proxy.istio.io/config"
_USER_MOUNT = "sidecar.istio.io/userVolumeMount"
_OUTPUT_CERTS = "OUTPUT_CERTS"
_SPIRE_LABEL = "spiffe.io/spire-managed-identity"
_SPIRE_MARKS = (b"csi.spiffe.io", b"/run/spire/")
_EAST_WEST = ("istio-east-west", "eastwestgateway")
_MANAGED = ("aks-istio-system", "asm-system")
_VIRTUAL = (("eks.amazonaws.com/compute-type", "fargate"), ("type", "virtual-kubelet"), ("kubernetes.io/os", "windows"))


class Blocker(Struct, frozen=True, rename="camel"):
    """One thing that ambient cannot take over.

    Attributes:
        name: of its kind, in kebab-case; the same for all of a kind.
        object: what holds it.
        field: where on the object.
        why: what would be lost or would break.
        way_out: what to do about it, or to keep.
    """

    name: str
    object: ObjectId
    field: str
    why: str
    way_out: str


def blockers(facts: Facts) -> tuple[Blocker, ...]:
    """All of them, kind by kind in a fixed order."""
    return tuple(each for find in _FINDERS for each in find(facts))


def _virtual_machines(facts: Facts) -> Iterator[Blocker]:
    for kind in (kinds.WORKLOAD_ENTRY, kinds.WORKLOAD_GROUP):
        for each in facts.mesh.of(kind):
            yield Blocker(
                "virtual-machine", each.id, "spec",
                "a machine outside the cluster has no ztunnel: it keeps its sidecar, passes waypoints by, and is "
                "reached by HBONE only where it says so",
                "leave what talks to it for the last wave; keep its sidecar, or bring the workload into the cluster",
            )  # fmt: skip


def _spire(facts: Facts) -> Iterator[Blocker]:
    why = "identities come from SPIRE by a socket in each pod; ztunnel asks istiod's certificate authority instead"
    out = "let istiod sign with a CA that chains to the same root, or wait for SPIRE support of ztunnel in your release"
    for workload in facts.workloads:
        field = _spire_field(workload)
        if field:
            yield Blocker("spire", _id(workload), field, why, out)


def _spire_field(workload: Workload) -> str:
    controller = workload.template.controller if workload.template else None
    if controller and any(mark in controller.body for mark in _SPIRE_MARKS):
        return "spec.template.spec.volumes"
    shape = workload.next_shape
    if shape is None:
        return ""
    if "spire" in (part.strip() for part in shape.annotations.get(TEMPLATES, "").split(",")):
        return f"metadata.annotations[{TEMPLATES}]"
    return f"metadata.labels[{_SPIRE_LABEL}]" if shape.labels.get(_SPIRE_LABEL) == "true" else ""


def _multicluster(facts: Facts) -> Iterator[Blocker]:
    why = (
        "the mesh spans clusters or networks: what is in another one is reached as a sidecar reaches it, not by ztunnel"
    )
    out = "migrate what stays within one cluster; for the rest read what your release says of ambient across clusters"
    for gateway in facts.mesh.of(kinds.GATEWAY):
        if (gateway.view.spec or {}).get("gatewayClassName") == _EAST_WEST[0]:
            yield Blocker("multicluster", gateway.id, "spec.gatewayClassName", why, out)
    for workload in facts.workloads:
        if _EAST_WEST[1] in _labels(workload).get("istio", ""):
            yield Blocker("multicluster", _id(workload), "metadata.labels[istio]", why, out)
    labelled: tuple[Resource[Any], ...] = (*facts.mesh.of(kinds.NAMESPACE), *facts.mesh.of(kinds.SERVICE))
    for each in labelled:
        if each.meta.labels.get(NETWORK_LABEL):
            yield Blocker("multicluster", each.id, f"metadata.labels[{NETWORK_LABEL}]", why, out)
    for config in facts.mesh.of(kinds.CONFIG_MAP):
        if mesh_config(config) and inner(plain_mapping((config.view.data or {}).get("meshNetworks")), "networks"):
            yield Blocker("multicluster", config.id, "data.meshNetworks", why, out)


def _several_control_planes(facts: Facts) -> Iterator[Blocker]:
    for other in apart(mesh_configs(facts.mesh)):
        fields = ", ".join(other.fields)
        yield Blocker(
            "several-control-planes", other.config.resource.id, other.config.field,
            f"its control plane differs from another in {fields}; ztunnel has one, and knows no policy and no trust "
            "domain of the others; this plan judges all by one",
            "bring them together, or plan what one of them has alone, from a folder that holds no other",
        )  # fmt: skip


def _external_control_plane(facts: Facts) -> Iterator[Blocker]:
    """Injection by address rather than by Service, and the namespaces of managed offers."""
    why = "istiod runs where this cluster's owner cannot change it, and ambient must be enabled there"
    out = "ask the operator of the control plane for ambient, or install a control plane of your own beside it"
    for webhook in facts.mesh.of(kinds.WEBHOOK):
        for entry in webhook.view.webhooks or ():
            ours = entry.name.endswith("sidecar-injector.istio.io")
            if ours and isinstance((entry.client_config or {}).get("url"), str):
                yield Blocker(
                    "external-control-plane", webhook.id, f"webhooks[{entry.name}].clientConfig.url", why, out
                )
                break
    for namespace in facts.mesh.of(kinds.NAMESPACE):
        if namespace.meta.name in _MANAGED:
            yield Blocker("external-control-plane", namespace.id, "metadata.name", why, out)


def _disabled_mtls(facts: Facts) -> Iterator[Blocker]:
    for policy in facts.mesh.of(kinds.PEER_AUTHENTICATION):
        spec = policy.view.spec or {}
        ports = spec.get("portLevelMtls")
        levels = (
            {f"spec.portLevelMtls[{port}].mode": level for port, level in ports.items()}
            if isinstance(ports, dict)
            else {}
        )
        for field, level in {"spec.mtls.mode": spec.get("mtls"), **levels}.items():
            if inner(level, "mode") == "DISABLE":
                yield Blocker(
                    "mtls-disabled", policy.id, field,
                    "ambient has no such mode: it admits both, and a port of a STRICT workload that was left out by "
                    "DISABLE stays STRICT and refuses plain text (D26, D27)",
                    "PERMISSIVE where plain text must get in; a sidecar, or no mesh, where mTLS must not be",
                )  # fmt: skip


def _proxyless_grpc(facts: Facts) -> Iterator[Blocker]:
    for workload, group in _first_groups(facts, lambda group: group.recognition.proxyless):
        field = TEMPLATES if TEMPLATES in group.shape.annotations else "spec.containers[].env[GRPC_XDS_BOOTSTRAP]"
        yield Blocker(
            "proxyless-grpc", _id(workload), field,
            "it speaks xDS to istiod by itself, and loses its configuration with the injection",
            "keep it injected, or rebuild it with plain gRPC and move it like any other",
        )  # fmt: skip


def _client_certificates(facts: Facts) -> Iterator[Blocker]:
    why = "certificates of the mesh are written out for the application, and go with the sidecar that writes them"
    out = "keep the sidecar until the application takes certificates from elsewhere or lets ztunnel speak for it"
    for workload in facts.workloads:
        annotations = _annotations(workload)
        if _OUTPUT_CERTS in annotations.get(_PROXY_CONFIG, ""):
            yield Blocker("client-certificates", _id(workload), f"metadata.annotations[{_PROXY_CONFIG}]", why, out)
        elif annotations.get(_USER_MOUNT):
            mounted = (
                "files are mounted into the sidecar, as a rule certificates for TLS that it begins; they go with it"
            )
            yield Blocker("client-certificates", _id(workload), f"metadata.annotations[{_USER_MOUNT}]", mounted, out)
    for config in mesh_configs(facts.mesh):
        if inner(config.values, "defaultConfig", "proxyMetadata", _OUTPUT_CERTS):
            field = f"{config.field}: defaultConfig.proxyMetadata.{_OUTPUT_CERTS}"
            yield Blocker("client-certificates", config.resource.id, field, why, out)
    for each in facts.mesh.of(kinds.PROXY_CONFIG):
        if inner(each.view.spec, "environmentVariables", _OUTPUT_CERTS) is not None:
            yield Blocker("client-certificates", each.id, f"spec.environmentVariables.{_OUTPUT_CERTS}", why, out)


def _envoy_filters(facts: Facts) -> Iterator[Blocker]:
    """Those that sidecars obey; one for gateways alone goes on working there, and Istio's own metrics go with them."""
    roots = root_namespaces(facts.mesh)
    for each in facts.mesh.of(kinds.ENVOY_FILTER):
        spec = each.view.spec or {}
        if target_refs(spec) or _for_gateways_only(spec) or only_measures(spec):
            continue
        wanted = as_dict(as_dict(spec.get("workloadSelector")).get("labels"))
        if wanted and not any(
            workload.role is Role.APPLICATION and has_sidecar(workload) and fits(workload, wanted)
            for workload in in_scope(facts, each.meta.namespace, roots)
        ):
            continue
        yield Blocker(
            "envoy-filter", each.id, "spec.configPatches",
            "it changes Envoy of sidecars; ztunnel is none, and a waypoint obeys it by targetRefs alone: what it does "
            "vanishes silently, a limit or a check of access included (D57)",
            "say it with Telemetry, WasmPlugin, HTTPRoute or AuthorizationPolicy at a waypoint, or keep the sidecars",
        )  # fmt: skip


def _for_gateways_only(spec: dict[str, Any]) -> bool:
    patches = spec.get("configPatches")
    contexts = [inner(patch, "match", "context") for patch in patches] if isinstance(patches, list) else []
    return bool(contexts) and all(context == "GATEWAY" for context in contexts)


def _tproxy(facts: Facts) -> Iterator[Blocker]:
    why = (
        "with TPROXY the application sees the client's address; behind ztunnel and waypoints it does only in part (D03)"
    )
    out = "take the address from a header that a waypoint or gateway sets, or keep the sidecar"
    for workload in facts.workloads:
        if _annotations(workload).get(INTERCEPTION) == "TPROXY":
            yield Blocker("tproxy", _id(workload), f"metadata.annotations[{INTERCEPTION}]", why, out)
    for config in mesh_configs(facts.mesh):
        if inner(config.values, "defaultConfig", "interceptionMode") == "TPROXY":
            yield Blocker("tproxy", config.resource.id, f"{config.field}: defaultConfig.interceptionMode", why, out)


def _nodes_without_agents(facts: Facts) -> Iterator[Blocker]:
    """Nodes on which no DaemonSet of Linux containers runs, where meshed pods do."""
    meshed = {pod.node for _, group in facts.groups() if group.recognition.sidecar for pod in group.pods}
    for node in facts.mesh.of(kinds.NODE):
        label = next((name for name, value in _VIRTUAL if node.meta.labels.get(name) == value), None)
        if label and node.meta.name in meshed:
            yield Blocker(
                "node-without-agents", node.id, f"metadata.labels[{label}]",
                "neither istio-cni nor ztunnel runs on such a node, and pods there cannot become ambient",
                "move their pods to ordinary nodes, or keep their sidecars",
            )  # fmt: skip


def _held_rollouts(facts: Facts) -> Iterator[Blocker]:
    """A new template, and no new pods: its step would wait until its time is over, and the wave be taken back."""
    for workload in facts.workloads:
        if workload.template and any(group.recognition.sidecar for group in workload.groups):
            for field, how, way_out in _holds(as_dict(workload.template.controller.tree().get("spec"))):
                why = f"{how}: a changed template alone makes no new pods, and those of today keep their sidecars"
                yield Blocker("held-rollout", _id(workload), field, why, way_out)


def _holds(spec: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The field, what it does, and a way out."""
    strategy = as_dict(spec.get("updateStrategy"))
    if spec.get("paused") is True:
        yield "spec.paused", "it is paused", "resume it before its wave (kubectl rollout resume)"
    if strategy.get("type") == "OnDelete":
        how = "it waits until somebody deletes its pods"
        yield "spec.updateStrategy.type", how, "set RollingUpdate, for the migration at least"
    if as_dict(strategy.get("rollingUpdate")).get("partition"):
        how = "its partition leaves pods below that number as they are"
        yield "spec.updateStrategy.rollingUpdate.partition", how, "set it to 0 before its wave"


def _beyond_budgets(facts: Facts) -> Iterator[Blocker]:
    """Controllers ask no disruption budget when they roll out: who wrote one may take it for granted that they do.

    It is the budget that stands in the way, and holds no workload back: its pods are made anew as in every release.
    """
    for workload in facts.workloads:
        if not workload.template or not any(group.recognition.sidecar for group in workload.groups):
            continue
        controller = workload.template.controller
        spec = as_dict(controller.tree().get("spec"))
        replicas = spec.get("replicas", 1)
        away = taken_away(controller.kind, spec, replicas) if isinstance(replicas, int) else 0
        for budget in facts.mesh.of(kinds.DISRUPTION_BUDGET):
            of_its = budget.meta.namespace == controller.meta.namespace and budget.view is not None
            if of_its and selects(budget.view.spec.selector, _labels(workload)):
                may = allowed(budget.view.spec, replicas)
                if away > may:
                    yield Blocker(
                        "rollout-beyond-budget", budget.id, "spec",
                        f"the rollout of {workload.ref} takes {away} of its pods away at a time, where this allows "
                        f"{may}: a controller that rolls out asks no budget",
                        "set maxUnavailable of its strategy to what is allowed, and maxSurge where that is 0, before "
                        "its wave; or take it as any release of it is taken",
                    )  # fmt: skip


def _first_groups(facts: Facts, wanted: Callable[[Group], bool]) -> Iterator[tuple[Workload, Group]]:
    for workload in facts.workloads:
        group = next((each for each in workload.groups if wanted(each)), None)
        if group:
            yield workload, group


def _labels(workload: Workload) -> Labels:
    return workload.next_shape.labels if workload.next_shape else {}


def _annotations(workload: Workload) -> Labels:
    return workload.next_shape.annotations if workload.next_shape else {}


def _id(workload: Workload) -> ObjectId:
    """The controller where it was read, else by the name that its pods give it."""
    if workload.template:
        return workload.template.controller.id
    ref = workload.ref
    api = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1", "Rollout": "argoproj.io/v1alpha1"}.get(
        ref.kind, "apps/v1"
    )
    return ObjectId(api, ref.kind, ref.namespace, ref.name)


_FINDERS: tuple[Callable[[Facts], Iterator[Blocker]], ...] = (
    _virtual_machines, _spire, _multicluster, _several_control_planes, _external_control_plane, _disabled_mtls,
    _proxyless_grpc, _client_certificates, _envoy_filters, _tproxy, _nodes_without_agents,
    _held_rollouts, _beyond_budgets,
)  # fmt: skip
