"""What `sidestep convert` makes: the plan, the rewrites in its order, and the proof of what comes out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep import __version__
from sidestep.actions.converted import converted, running
from sidestep.actions.in_memory.trees import OWN, labels_at, template_path
from sidestep.actions.memory import problems
from sidestep.actions.stages import BASE, LATE, Stage, stages, tree_of
from sidestep.cli.plan import version_option
from sidestep.cli.proofs import READY, sharing_between
from sidestep.cli.states import plan_content
from sidestep.convert.conversion import convert, worst_first
from sidestep.convert.ledger import Key, key_of
from sidestep.convert.promql.plain_files import PlainFile, plain_files, rules_in
from sidestep.convert.rewrite import Context, Loss
from sidestep.convert.rules.query import MARKS, recorded, with_rules_beside
from sidestep.errors import UsageError, WorldError
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.plan.conversion_context import context_of
from sidestep.plan.document import Plan
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.planner import PlanRequest, Wishes, make_plan
from sidestep.plan.reading import read_plan
from sidestep.plan.steps import Delete, Effect, Patch, SetLabels
from sidestep.prove.proof import Counterexample, Proof
from sidestep.prove.prover import Leave, Terms
from sidestep.prove.states import Journey
from sidestep.report.conversion.document import Conversion, QueriedFile, held_back, staged_changes, summary
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import IstioVersion
from sidestep.sources.prices import load_prices
from sidestep.sources.repository import plain_texts

UPSTREAM = "upstream"
_WAVES = "waves/"


class Made(Struct, frozen=True):
    """A conversion, before it is written anywhere.

    Attributes:
        mesh: as it was read.
        plan: that says when.
        stages: up to the one that was asked for.
        losses: of the whole conversion.
        index: the mesh as it decides today.
        target: the Istio that will read the result.
        paths: of files that it was read from.
        files: plain ones with queries.
    """

    mesh: Mesh
    plan: Plan
    stages: tuple[Stage, ...]
    losses: tuple[Loss, ...]
    index: MeshIndex
    target: IstioVersion
    paths: tuple[str, ...] = ()
    files: tuple[PlainFile, ...] = ()

    @property
    def keys(self) -> set[Key]:
        """What names the objects that were read."""
        return {key_of(each.id) for group in (*self.mesh.resources.values(), self.mesh.others) for each in group}

    @property
    def homeless(self) -> int:
        """How many of the objects that are touched name no namespace, in what was read."""
        touched = (each for stage in self.stages for each in stage.objects if each.object.namespace)
        return len({key_of(each.object) for each in touched if each.before and not _home(each.before)})


def _home(tree: dict[str, Any]) -> object:
    return (tree.get("metadata") or {}).get("namespace")


class Reader(Struct, frozen=True):
    """Who will read the result, and what it is to hold.

    Attributes:
        istio: its version; None for the one that is there.
        experimental: whether the Gateway API's experimental channel is served; None for what the mesh tells.
        restrict_egress: whether NetworkPolicies are to hold what Sidecars scope.
    """

    istio: IstioVersion | None = None
    experimental: bool | None = None
    restrict_egress: bool = False


class Read(Struct, frozen=True):
    """Where a mesh was read from.

    Attributes:
        paths: of its files; none for a cluster.
        beside: where plain files with queries may be.
    """

    paths: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def make(mesh: Mesh, saved: Plan | None, until: str, reader: Reader, read: Read) -> Made:
    """Convert a mesh.

    Args:
        mesh: as it was read.
        saved: a plan; None to make one.
        until: the last stage.
        reader: of the result.
        read: where it was read from.

    Raises:
        WorldError: the plan does not fit the mesh.
        UsageError: there is no such stage.
    """
    mesh = mesh.in_order
    index = MeshIndex.of(mesh)
    if saved is not None:
        _check_fits(saved, mesh)
    plan = saved or make_plan(PlanRequest(mesh, load_prices(None), graph=inferred_calls(mesh), wishes=Wishes()))
    chosen = reader.istio or index.settings.version
    context = context_of(plan, index, chosen, experimental=reader.experimental, restrict_egress=reader.restrict_egress)
    beside = _plain_texts(read.beside, context)
    found, files = convert(context), plain_files(beside, context)
    losses = worst_first((*found.losses, *(loss for each in files for loss in each.losses)))
    return Made(mesh, plan, _up_to(stages(plan, found, mesh), until), losses, index, chosen, read.paths, files)


def _plain_texts(paths: tuple[str, ...], context: Context) -> dict[str, str]:
    """Plain files that ask about the mesh, or for series that rules record of it: theirs, or those of objects."""
    while True:
        known = frozenset(recorded(context))
        texts = plain_texts(paths, (*MARKS, *(name.encode() for name in sorted(known))))
        with_rules_beside(context, rules_in(texts))
        if known >= recorded(context).keys():
            return texts


FINE = Leave.SHAPE | Leave.CLOSED
"""Refused more often, or in another form."""


def proof_of(made: Made, budget: int, jobs: int = 1, leave: Leave = FINE) -> Proof:
    """Today's mesh against the converted one.

    Args:
        made: the conversion.
        budget: most classes of requests on one way.
        jobs: most processes that ask; the proof is the same by however many.
        leave: differences that are taken for fine.
    """
    today = running(made.mesh)
    before = made.index if today is made.mesh else MeshIndex.of(today)
    version = None if made.target == made.index.settings.version else made.target
    after = MeshIndex.of(converted(made.plan, made.stages, today), version)
    journey = Journey(before, Terms(leave, budget))
    proof = journey.recall(after, share=sharing_between(jobs))
    told = replace(proof, counterexamples=tuple(_asked_of(each, made.paths) for each in proof.counterexamples))
    return told if today is made.mesh else replace(told, assumptions=(*told.assumptions, READY))


def _asked_of(each: Counterexample, paths: tuple[str, ...]) -> Counterexample:
    """With the files of which it can be asked again: as they are, by labels alone and as planned."""
    where = tuple(word for path in paths for word in ("--from", path))
    return replace(each, command=() if "-" in paths else (*each.command, *where))


def document(made: Made, proof: Proof | None) -> Conversion:
    """What is reported."""
    changes = staged_changes(made.stages)
    standing = {key_of(each.object) for stage in made.stages for each in stage.objects if each.before is not None}
    held = sum(map(len, made.mesh.resources.values())) + len(made.mesh.others)
    kept = held_back(made.plan)
    last = made.stages[-1].name if made.stages else LATE
    return Conversion(
        f"{made.mesh.source.kind.value} {made.mesh.source.name}",
        made.target.found or f"{made.target.version} (assumed)",
        __version__,
        summary(changes, made.losses, held - len(standing & made.keys), kept, "" if last == LATE else last),
        tuple(stage.name for stage in made.stages),
        changes,
        made.losses,
        tuple(str(gap) for gap in made.mesh.gaps),
        proof,
        held_back=kept,
        files=tuple(QueriedFile(each.path, each.queries) for each in made.files),
    )


def target_option(text: str | None) -> IstioVersion | None:
    """What `--for` names; None for the version that is there.

    Raises:
        UsageError: it is no version.
    """
    return None if text in (None, UPSTREAM) else version_option(text, "--for")


def doubts(made: Made) -> Iterator[str]:
    """What somebody who named another Istio than the mesh's should know."""
    present = made.index.settings.version
    if made.target.outside:
        yield f"{made.target.outside}: what {made.target.version} reads is written"
    if not present.assumed and made.target.version < present.version:
        yield (
            f"--for {made.target.found} is older than the mesh's Istio {present.found}: what only that reads becomes a "
            "loss, and objects that stand and are not rewritten may hold more of it"
        )


def plan_option(path: str | None) -> Plan | None:
    """The plan that `--plan` names.

    Raises:
        WorldError: it cannot be read, or is no plan.
    """
    return None if path is None else read_plan(plan_content(Path(path)), path)


def _check_fits(plan: Plan, mesh: Mesh) -> None:
    """Steps that were taken already are no misfits: a repository is converted wave by wave.

    Nor are those about objects that are gone and that the plan deletes in the end.
    """
    deleted = frozenset(step.effect.object for step in plan.steps if isinstance(step.effect, Delete))
    gone = frozenset(each for each in deleted if tree_of(mesh, each) is None)
    taken = {step.id for step in plan.steps if _is_done(step.effect, mesh, gone)}
    misfits = [each for each in problems(plan, mesh) if each.step not in taken]
    if misfits:
        told = f"{misfits[0].step}: {misfits[0].reason}"
        raise WorldError(f"does not fit the mesh ({told})", where="--plan", remedy="make the plan again of this mesh")


def _is_done(effect: Effect, mesh: Mesh, gone: frozenset[ObjectId]) -> bool:
    """Whether a mesh is already as an effect would leave it, or nobody asks for that any more."""
    match effect:
        case SetLabels() | Patch() if effect.object in gone:
            return True
        case SetLabels():
            tree = tree_of(mesh, effect.object) or {}
            path = template_path(effect.object.kind) if effect.template else OWN
            present = labels_at(tree, path)
            return bool(tree) and all(present.get(name) == value for name, value in effect.labels.items())
        case Delete():
            return effect.object in gone
        case _:
            return False


def _up_to(found: tuple[Stage, ...], until: str) -> tuple[Stage, ...]:
    """The stages up to one: `base`, the number of a wave, or `late`."""
    names = [stage.name for stage in found]
    name = until if until in (BASE, LATE) else f"{_WAVES}{int(until):02}" if _is_number(until) else until
    if name not in names:
        known = ", ".join(each.removeprefix(_WAVES).lstrip("0") or each for each in names)
        raise UsageError(f"there is no stage {until!r}", where="--until", remedy=f"name one of {known}")
    return found[: names.index(name) + 1]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def found_in(values: dict[str, Any], *names: str) -> str:
    """The first of some options that is set, for messages; empty where none is."""
    return next((f"--{name.replace('_', '-')}" for name in names if values[name]), "")
