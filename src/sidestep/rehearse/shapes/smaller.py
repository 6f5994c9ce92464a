"""A mesh, its plan and its calls with some workloads for many: what stays is what it was, byte for byte. Pure."""

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct, structs

from sidestep.model.call_graph import CallGraph, Edge, call_graph
from sidestep.model.kinds import ENDPOINT_SLICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of
from sidestep.plan.document import Plan
from sidestep.plan.measures import Query
from sidestep.plan.steps import Apply, Delete, Gate, Patch, Probe, Restart, SetLabels, Step, Wait
from sidestep.rehearse.result import StandIn
from sidestep.rehearse.shapes.attached import Attachments, left_out
from sidestep.rehearse.shapes.members import Key, Member, Templates, key_of
from sidestep.rehearse.shapes.places import Tree
from sidestep.rehearse.shapes.telling import named
from sidestep.rehearse.shapes.twins import Merge, exchanged_edge
from sidestep.semantics.endpoint_slices import service_named


class Whole(Struct, frozen=True):
    """What is rehearsed.

    Attributes:
        mesh: as it is.
        objects: of it, as they are brought up.
        plan: that is carried out.
        graph: who calls whom.
        stand_ins: who stands for whom in it.
        notes: what else was left out, in words.
    """

    mesh: Mesh
    objects: tuple[Tree, ...]
    plan: Plan
    graph: CallGraph
    stand_ins: tuple[StandIn, ...] = ()
    notes: tuple[str, ...] = ()


def smaller(whole: Whole, merges: tuple[Merge, ...], root: str) -> Whole:
    """The same with some workloads for many.

    Args:
        whole: all of it.
        merges: who stands for whom.
        root: namespace whose objects hold for all.
    """
    if not merges:
        return whole
    gone = [other for merge in merges for _, other in merge.pairs]
    workloads = frozenset(each.ref for each in gone)
    services = frozenset((each.ref.namespace, name) for each in gone for name in each.services)
    attachments = Attachments(Templates(whole.objects), workloads, services, root)
    keys = left_out(whole.objects, attachments, frozenset(key for each in gone for key in each.objects))
    dropped = _dropped(whole.plan, attachments, keys, workloads)
    graph, lost = _calls(whole.graph, merges)
    stand_ins = tuple(_stand_ins(whole, merges, keys, dropped))
    return Whole(
        _mesh(whole.mesh, keys, workloads, services),
        tuple(tree for tree in whole.objects if key_of(tree) not in keys),
        _plan(whole.plan, dropped, workloads),
        graph,
        stand_ins,
        (*whole.notes, *_of_several(stand_ins, keys, dropped), *_lost(lost)),
    )


def _of_several(stand_ins: Iterable[StandIn], keys: Iterable[Key], dropped: Iterable[str]) -> Iterator[str]:
    """What was left out for it was about several shapes that are gone, and none by itself."""
    told = {name for each in stand_ins for name in (*each.left_out, *each.steps)}
    rest = {f"{kind} {space}/{name}" for kind, space, name in keys}.union(dropped) - told
    if rest:
        yield f"left out with merged workloads of several shapes: {', '.join(sorted(rest))}"


def _lost(calls: int) -> Iterator[str]:
    if calls:
        yield f"{calls:,} calls among merged workloads have nobody to stand for them"


def _mesh(
    mesh: Mesh, keys: Collection[Key], workloads: Collection[WorkloadRef], services: Collection[tuple[str, str]]
) -> Mesh:
    """Less objects, and less the pods and endpoints that came of them."""
    known = parents(mesh)
    owners = {key for key, owner in known.items() if (owner.kind, key[1], owner.name) in keys}
    gone = frozenset({*keys, *owners})
    resources = {
        kind: tuple(each for each in found if (each.kind, each.meta.namespace, each.meta.name) not in gone)
        for kind, found in mesh.resources.items()
    }
    slices = ENDPOINT_SLICE.key
    if slices in resources:
        kept = (
            each for each in resources[slices] if (each.meta.namespace, service_named(each.meta.labels)) not in services
        )
        resources[slices] = tuple(kept)
    others = tuple(each for each in mesh.others if (each.kind, each.meta.namespace, each.meta.name) not in gone)
    pods = tuple(pod for pod in mesh.pods if workload_of(pod, known) not in workloads)
    return structs.replace(mesh, pods=pods, resources=resources, others=others)


def _dropped(
    plan: Plan, attachments: Attachments, keys: Collection[Key], workloads: Collection[WorkloadRef]
) -> frozenset[str]:
    """Steps that name those who are gone, and nobody else."""
    new = {
        (step.effect.object.kind, step.effect.object.namespace, step.effect.object.name)
        for step in plan.steps
        if isinstance(step.effect, Apply) and attachments.gone(step.effect.manifest)
    }
    gone = frozenset({*keys, *new})
    return frozenset(step.id for step in plan.steps if _is_of(step, gone, workloads))


def _is_of(step: Step, keys: Collection[Key], workloads: Collection[WorkloadRef]) -> bool:
    match step.effect:
        case SetLabels(object=it) | Patch(object=it) | Apply(object=it) | Delete(object=it):
            return (it.kind, it.namespace, it.name) in keys
        case Restart(workload=workload):
            return workload in workloads
        case Wait(subject=subject):
            told = named(subject)
            return (told["kind"], told["namespace"], told["name"]) in keys
        case Gate():
            measured = {ref for query in _queries(step.effect) for ref in query.workloads}
            return bool(measured) and measured <= frozenset(workloads)
        case Probe(client=client, to=to):
            asked = any(kind == "Service" and f"{to}.".startswith(f"{name}.{space}.") for kind, space, name in keys)
            return asked or any(f"{ref.namespace}/{ref.name}" == client for ref in workloads)


def _queries(gate: Gate) -> Iterator[Query]:
    reading = gate.reading
    for name in reading.__struct_fields__ if reading is not None else ():
        value = getattr(reading, name)
        if isinstance(value, Query):
            yield value


def _plan(plan: Plan, dropped: frozenset[str], workloads: Collection[WorkloadRef]) -> Plan:
    """Less steps; whoever came after one of them comes after what that came after."""
    before = {step.id: step.after for step in plan.steps}

    def after(names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from after(before.get(name, ())) if name in dropped else (name,)

    steps = tuple(
        structs.replace(step, after=tuple(dict.fromkeys(after(step.after))))
        if not dropped.isdisjoint(step.after)
        else step
        for step in plan.steps
        if step.id not in dropped
    )
    waves = tuple(
        structs.replace(
            wave,
            workloads=tuple(ref for ref in wave.workloads if ref not in workloads),
            steps=tuple(name for name in wave.steps if name not in dropped),
            rollback=tuple(name for name in wave.rollback if name not in dropped),
        )
        for wave in plan.waves
    )
    return structs.replace(
        plan,
        workloads=tuple(each for each in plan.workloads if each.workload not in workloads),
        steps=steps,
        waves=tuple(wave for wave in waves if wave.steps or not wave.number),
        exposures=tuple(each for each in plan.exposures if dropped.isdisjoint((each.opens, each.closes))),
    )


def _calls(graph: CallGraph, merges: Iterable[Merge]) -> tuple[CallGraph, int]:
    """Calls of those who stay, with the rates of those they stand for; and how many calls nobody stands for."""
    every = {(edge.source, edge.target, edge.protocol): edge for edge in graph.edges}
    moved: dict[object, list[Edge]] = {}
    lost = 0
    for edge in graph.edges:
        stays = _stays(edge, merges)
        key = (stays.source, stays.target, stays.protocol)
        if key in every:
            moved.setdefault(key, []).append(edge)
        else:
            lost += 1
    edges = (
        structs.replace(
            every[key],  # type: ignore[index]
            requests_per_second=_sum(each.requests_per_second for each in found),
            bytes_per_second=_sum(each.bytes_per_second for each in found),
            connections_per_second=_sum(each.connections_per_second for each in found),
        )
        for key, found in moved.items()
    )
    return call_graph(edges, graph.gaps, graph.remarks), lost


def _stays(edge: Edge, merges: Iterable[Merge]) -> Edge:
    """A call between those who stay."""
    for merge in merges:
        gone = {name for _, other in merge.pairs for name in _names(other)}
        source, target = edge.source, edge.target
        moved = exchanged_edge(edge, merge.exchanged)
        if (source.namespace, source.name) in gone:
            edge = structs.replace(edge, source=moved.source)
        called = {(target.namespace, target.name), (target.service_namespace, target.service)}
        if not gone.isdisjoint(called):
            edge = structs.replace(edge, target=moved.target)
    return edge


def _names(member: Member) -> Iterator[tuple[str, str]]:
    for name in (member.ref.name, *member.services):
        yield member.ref.namespace, name


def _sum(rates: Iterable[float | None]) -> float | None:
    found = [each for each in rates if each is not None]
    return sum(found) if found else None


def _stand_ins(
    whole: Whole, merges: Iterable[Merge], keys: Collection[Key], dropped: Collection[str]
) -> Iterator[StandIn]:
    """Who stands for whom, with what was left out for that; and for whom those stood who are gone now."""
    gone: dict[WorkloadRef, list[Member]] = {}
    for merge in merges:
        for one, other in merge.pairs:
            gone.setdefault(one.ref, []).append(other)
    known = {each.workload: each for each in whole.stand_ins}
    found = {str(ref): _stand_in(ref, theirs, whole, keys, dropped) for ref, theirs in gone.items()}
    taken = {name for each in found.values() for name in each.stands_for}
    for name in sorted((known.keys() | found.keys()) - taken):
        parts = [known.get(name), found.get(name)]
        parts += [known.get(each) for each in (found[name].stands_for if name in found else ())]
        yield _joined(name, [each for each in parts if each is not None])


def _stand_in(
    ref: WorkloadRef, theirs: Iterable[Member], whole: Whole, keys: Collection[Key], dropped: Collection[str]
) -> StandIn:
    gone = list(theirs)
    refs = {each.ref for each in gone}
    services = {(each.ref.namespace, name) for each in gone for name in each.services}
    own = {key for each in gone for key in each.objects}
    attachments = Attachments(Templates(whole.objects), refs, services, "")
    mine = left_out((tree for tree in whole.objects if key_of(tree) in keys), attachments, own)
    steps = _dropped(whole.plan, attachments, mine, refs)
    return StandIn(
        str(ref),
        tuple(str(each) for each in refs),
        tuple(f"{kind} {space}/{name}" for kind, space, name in mine),
        tuple(step.id for step in whole.plan.steps if step.id in steps and step.id in dropped),
    )


def _joined(name: str, parts: list[StandIn]) -> StandIn:
    return StandIn(
        name,
        tuple(sorted({each for part in parts for each in part.stands_for})),
        tuple(sorted({each for part in parts for each in part.left_out})),
        tuple(sorted({each for part in parts for each in part.steps})),
    )
