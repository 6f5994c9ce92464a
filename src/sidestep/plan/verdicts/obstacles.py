"""What keeps a workload on its sidecar, or asks for rework first.

Source: istio-semantics.md §3.10 (3), D18 to D22, D46, D47, D57; the blockers that its pods carry themselves.
"""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.convert.pods.template import at, path_of
from sidestep.convert.policies.alike import saying_of
from sidestep.model import kinds
from sidestep.model.metadata import Labels, ObjectId
from sidestep.plan.document import Reason
from sidestep.plan.verdicts.configuration import Configuration, is_dialled
from sidestep.plan.verdicts.server_side import Needs, selected
from sidestep.plan.verdicts.vanishing import vanishing
from sidestep.semantics.injection import INJECT
from sidestep.semantics.instances import Instances
from sidestep.semantics.layer7 import excludes_traffic
from sidestep.semantics.left_alone import shut_by_ztunnel
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.own_filters import only_measures
from sidestep.semantics.parsed import EVERY


class Obstacle(Struct, frozen=True):
    """Something in the way.

    Attributes:
        reason: what it is.
        way_out: what would remove it.
        rework: something must be changed first; else the sidecar stays until then.
    """

    reason: Reason
    way_out: str
    rework: bool = False


def obstacles(configuration: Configuration, pods: Instances, wanted: Needs) -> Iterator[Obstacle]:
    """Everything in the way of some pods, apart from what blockers name."""
    yield from _unseen(configuration, pods)
    yield from _unreadable(configuration, pods)
    yield from _selected_by_injection(configuration, pods)
    yield from _selected_by_what_vanishes(configuration, pods)
    if wanted.enforced:
        yield from _past_waypoint(configuration, pods, wanted)
    elif wanted.traffic:
        yield from _told_apart(configuration, pods, wanted)
    yield from _extensions(configuration, pods)
    yield from _sidecar_listeners(configuration, pods)
    yield from _client_routes(configuration, pods)
    yield from _left_alone(configuration, pods)


def differences_in_passing(configuration: Configuration, pods: Instances) -> Iterator[Reason]:
    """What changes for a workload whatever its verdict, and forces nothing."""
    if excludes_traffic(pods.shape.annotations):
        text = "traffic that its sidecar left alone is captured"
        yield Reason(text, None, "metadata.annotations[traffic.sidecar.istio.io/…]", ("D29",))
    settings = configuration.index.settings
    if settings.registry_only:
        yield Reason("unknown hosts are refused today, and let through by ztunnel", settings.config, "mesh", ("D46",))
    levels = configuration.index.peer_levels(pods)
    if levels.workload is not None and levels.workload.ports:
        field, where = "spec.portLevelMtls", levels.workload.id
        yield Reason("exceptions by port are read differently", where, field, ("D26", "D27", "D28"))


def _unseen(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    """Pods that ztunnel would know nothing of."""
    space = pods.workload.namespace
    if space in configuration.unseen:
        where = ObjectId(kinds.NAMESPACE.api_version(), kinds.NAMESPACE.name, "", space)
        text = "no discoverySelectors choose its namespace, and ztunnel would not know its pods"
        yield Obstacle(Reason(text, where, "metadata.labels"), "label it as they ask, and plan again", rework=True)


def _unreadable(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    """Objects that may say something about pods, and nobody knows what; kinds that were not read are told apart."""
    index = configuration.index
    broken = [policy for policy in index.applied_policies(pods) if policy.invalid]
    tokens = [policy for policy in index.sidecar_request_policies(pods) if policy.invalid]
    peers = index.peer_levels(pods).broken
    for policy in (*broken, *tokens, *((peers,) if peers is not None else ())):
        if policy.id.name != EVERY:
            reason = Reason(f"{policy.id} could not be read: {policy.invalid}", policy.id, "spec")
            yield Obstacle(reason, "correct the object, and plan again", rework=True)


def _selected_by_injection(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    """Selectors that ask for the label by which pods get sidecars: it changes, and a controller's does not."""
    index, ref = configuration.index, pods.workload
    kind = next((each for each in kinds.CONTROLLERS if each.name == ref.kind), None)
    controller = index.mesh.find(kind, ref.namespace, ref.name) if kind else None
    if controller is not None and controller.body:
        selector = as_dict(as_dict(controller.tree().get("spec")).get("selector"))
        if INJECT in as_dict(selector.get("matchLabels")):
            text = f"its selector asks for the label {INJECT}, which has to change"
            yield Obstacle(
                Reason(text, controller.id, "spec.selector.matchLabels"),
                "make it anew with a selector that does not ask for it, and plan again", rework=True,
            )  # fmt: skip
    for service in index.in_front_of(pods):
        if INJECT in (service.selector or {}):
            text = f"{service.resource.id} selects by the label {INJECT}, which has to change"
            yield Obstacle(
                Reason(text, service.resource.id, "spec.selector"),
                "let it select by other labels, and plan again", rework=True,
            )  # fmt: skip


def _selected_by_what_vanishes(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    """Selectors that ask for labels which injection alone gives, whoever's they are."""
    for each in vanishing(configuration.selecting, pods, _labels_of_template(configuration, pods)):
        text = f"{each.object} selects it by the label {each.label}, which goes with the sidecar"
        yield Obstacle(
            Reason(text, each.object, each.field),
            "let it select by labels of the pods' template, and plan again", rework=True,
        )  # fmt: skip


def _labels_of_template(configuration: Configuration, pods: Instances) -> Labels | None:
    ref = pods.workload
    kind = next((each for each in kinds.CONTROLLERS if each.name == ref.kind), None)
    controller = configuration.mesh.find(kind, ref.namespace, ref.name) if kind else None
    if controller is None or not controller.body:
        return None
    tree = controller.tree()
    path = path_of(tree)
    template = at(tree, path) if path is not None else {}
    return {str(key): as_text(value) for key, value in as_dict(as_dict(template.get("metadata")).get("labels")).items()}


def _past_waypoint(configuration: Configuration, pods: Instances, wanted: Needs) -> Iterator[Obstacle]:
    """Enforcement that a waypoint cannot take over, because what is dialled does not tell these pods from others."""
    services = configuration.index.in_front_of(pods)
    dialled = [service for service in services if is_dialled(service)]
    what = wanted.enforced[0]
    if not dialled:
        kind = "only headless Services lead" if services else "no Service leads"
        text = f"{kind} to it: a waypoint is asked only for a Service's own address"
        way_out = (
            "give it a ClusterIP Service that clients dial, or a waypoint for workloads with a policy on the Gateway"
        )
        left_out = "" if services else f", or, if it serves nobody, let the selector of {what.object} leave it out"
        yield Obstacle(
            Reason(text, what.object, what.field, ("D18",)),
            way_out + left_out,
        )
    for service in dialled:
        if service.selector is None:
            text = f"{service.resource.id} leads to it by address: no policy could select by it what it leads to"
            yield Obstacle(
                Reason(text, service.resource.id, "spec.endpoints", ("D18",)),
                "select its pods by labels (workloadSelector), or let nobody dial them by that name",
                rework=True,
            )
        others = [each for each in configuration.index.behind(service) if each.workload != pods.workload]
        apart = [each for each in others if not _same_policies(configuration, each, wanted)]
        if apart:
            text = f"{service.resource.id} leads to {apart[0].workload} too, which other policies guard"
            yield Obstacle(
                Reason(text, service.resource.id, "spec.selector", ("D19", "D20")),
                "give each of them a Service of its own, or the same policies",
                rework=True,
            )


def _told_apart(configuration: Configuration, pods: Instances, wanted: Needs) -> Iterator[Obstacle]:
    """A waypoint that is there for its routes judges clients too, for the pods see it alone (D02): by one set of
    policies for all that a Service leads to.
    """
    own = _sayings(configuration, pods)
    for service in configuration.index.in_front_of(pods):
        if service.host not in wanted.routed or service.selector is None:
            continue
        others = (each for each in configuration.index.behind(service) if each.workload != pods.workload)
        other = next((each for each in others if _sayings(configuration, each) != own), None)
        if other is not None:
            text = f"{service.resource.id} leads to {other.workload} too, which other policies guard"
            yield Obstacle(
                Reason(text, service.resource.id, "spec.selector", ("D02", "D19", "D20")),
                "give each of them a Service of its own, or the same policies",
                rework=True,
            )


def _sayings(configuration: Configuration, pods: Instances) -> set[object]:
    applied = configuration.index.applied_policies(pods)
    return {saying_of(configuration.mesh, policy) for policy in applied if not policy.dry_run}


def _same_policies(configuration: Configuration, other: Instances, wanted: Needs) -> bool:
    mesh = configuration.mesh
    theirs = {saying_of(mesh, policy) for policy in configuration.index.applied_policies(other)}
    return all(saying_of(mesh, policy) in theirs for policy in wanted.policies)


def _extensions(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    """Filters put into its sidecar by selector: neither ztunnel nor a waypoint has them."""
    root = configuration.index.settings.root_namespace
    for namespace in dict.fromkeys((root, pods.namespace)):
        for resource in configuration.extensions.get(namespace, ()):
            field = "workloadSelector" if resource.kind == kinds.ENVOY_FILTER.name else "selector"
            if not selected(resource, pods.labels, field) or not _for_sidecars(resource.view.spec or {}):
                continue
            yield Obstacle(
                Reason(f"{resource.kind} changes its sidecar's filters", resource.id, f"spec.{field}", ("D57",)),
                "attach it to a waypoint with targetRefs, or say in policies and routes what it does",
                rework=resource.kind != kinds.ENVOY_FILTER.name,
            )


def _for_sidecars(spec: dict[str, object]) -> bool:
    """Whether an EnvoyFilter touches requests at sidecars; not where all patches name gateways, or measure."""
    if only_measures(spec):
        return False
    patches = as_dicts(spec.get("configPatches"))
    contexts = {as_text(as_dict(patch.get("match")).get("context")) or "ANY" for patch in patches}
    return not patches or contexts != {"GATEWAY"}


def _sidecar_listeners(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    for resource in configuration.sidecars.get(pods.namespace, ()):
        if not selected(resource, pods.labels, "workloadSelector"):
            continue
        for index, listener in enumerate(as_dicts((resource.view.spec or {}).get("ingress"))):
            if as_text(listener.get("defaultEndpoint")):
                text = f"its sidecar forwards to {listener['defaultEndpoint']}; in ambient the application is dialled"
                yield Obstacle(
                    Reason(text, resource.id, f"spec.ingress[{index}].defaultEndpoint", ("D47",)),
                    "let the application listen on the pod's own address and the port of its Service",
                    rework=True,
                )


def _client_routes(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    """Routes of its own namespace to services of another: only its sidecar knows them."""
    for resource in configuration.mesh.in_namespace(kinds.VIRTUAL_SERVICE, pods.namespace):
        spec = resource.view.spec or {}
        private = "." in as_strings(spec.get("exportTo"))
        if not private:
            continue
        for written in as_strings(spec.get("hosts")):
            service = configuration.index.services.named(written, pods.namespace)
            if service is not None and service.namespace != pods.namespace:
                yield Obstacle(
                    Reason(
                        f"routes its calls to {service.host} for this namespace alone",
                        resource.id,
                        "spec.exportTo",
                        ("D38",),
                    ),
                    "move the route to the namespace of the service, whose waypoint applies it to everybody, or give "
                    "this namespace a name of its own for it",
                    rework=True,
                )


def _left_alone(configuration: Configuration, pods: Instances) -> Iterator[Obstacle]:
    """Ports that only its sidecar leaves alone: whoever dials them in plaintext would be refused for good."""
    for shut in shut_by_ztunnel(configuration.index, pods):
        yield Obstacle(
            Reason(
                f"its sidecar leaves port {shut.port} alone, and ztunnel would not: {shut.why}",
                shut.policy,
                "metadata.annotations",
                ("D29",),
            ),
            f"admit plaintext to port {shut.port} by portLevelMtls and AuthorizationPolicies (SID233), and plan again; "
            "where nobody dials it, decide for ambient yourself (--mode)",
            rework=True,
        )
