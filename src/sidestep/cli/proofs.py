"""What `sidestep prove` asks: which meshes, on which terms, and the proof of it."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from msgspec import Struct
from msgspec.structs import replace

from sidestep.actions.converted import running
from sidestep.cli.options import SourceOptions
from sidestep.cli.plan import version_option
from sidestep.cli.plan_states import PlanOption, plan_option, states_of
from sidestep.cli.processes import beside, can_copy, cores, shared
from sidestep.cli.proof_memory import ProofMemory, program
from sidestep.cli.reading import Manner, garbage_untouched, read_mesh
from sidestep.cli.yaml_file import yaml_file
from sidestep.errors import UsageError
from sidestep.explain.answer import TODAY
from sidestep.model.mesh import Mesh
from sidestep.prove.accepted import PRESETS, Acceptance, Entry
from sidestep.prove.accepted_file import accepted_entries
from sidestep.prove.assertions import Invariant, invariants_in
from sidestep.prove.held import Held
from sidestep.prove.invariants import Inquiry
from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.proof import Proof
from sidestep.prove.prover import Kept, Terms
from sidestep.prove.remembered import Recollection, Remembered
from sidestep.prove.states import Findings, Journey, Part, Share
from sidestep.prove.walk import State, Walk, with_commands
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import IstioVersion

CLUSTER = "cluster"
BEFORE, AFTER = "before", "after"
NOTHING, ALL = "none", "all"
WAYPOINTS = "waypoints"
STRICT = (*(each.name.lower() for each in Assume if each.name and each in Assume.EVERYTHING), WAYPOINTS, ALL)
"""What need not be taken for granted."""
READY = "waypoints that stand in files are ready"
"""What is taken for granted of meshes that were read from files."""
_USUAL = ("shape",)
_STDIN = "-"
_NAMESPACES_EACH = 8
"""Fewer for each process are not worth it, for each of them makes every state of a plan."""


class Ask(Struct, frozen=True):
    """What is asked, all of it checked before a mesh is read.

    Attributes:
        sources: one mesh, or two of which the second is held against the first.
        plan: whose states are held against the only mesh; None for none.
        terms: of the comparison.
        version: of Istio, where one is named.
        acceptance: of differences.
        invariants: that are asked of every state.
        manner: what to say on stderr.
        whole: whether a mesh must be complete.
        remembers: whether what was found is kept for the next time, and used where it was.
        jobs: most processes.
        ready: waypoints that stand in files are taken to be ready.
    """

    sources: tuple[SourceOptions, ...]
    plan: PlanOption | None
    terms: Terms
    version: IstioVersion | None
    acceptance: Acceptance
    invariants: tuple[Invariant, ...]
    manner: Manner
    whole: bool
    remembers: bool
    jobs: int
    ready: bool = True


def ask_of(values: dict[str, Any]) -> Ask:
    """From the options.

    Raises:
        UsageError: they contradict each other, or leave open what to prove.
        WorldError: a file that they name cannot be read.
    """
    entries = [entry for path in values["accepted"] for entry in accepted_entries(yaml_file(path, "--accept"), path)]
    entries += _presets(values["presets"])
    sources = _sources(values)
    return Ask(
        sources,
        _plan(values),
        Terms(
            Leave.NOTHING, values["budget"], values["namespaces"], _assumed(values["strict"]), int(values["fail_fast"])
        ),
        version_option(values["istio"]),
        Acceptance(entries, datetime.now(UTC).date()),
        tuple(each for path in values["invariants"] for each in invariants_in(yaml_file(path, "--invariant"), path)),
        Manner(values["quiet"], values["verbose"]),
        values["require_complete"],
        not values["no_cache"],
        values["jobs"] or cores(),
        not {WAYPOINTS, ALL} & set(values["strict"]),
    )


def _plan(values: dict[str, Any]) -> PlanOption | None:
    if values["plan"] is not None:
        return plan_option(values["plan"], end_only=values["end_only"])
    if values["end_only"]:
        raise UsageError("only a plan has an end", where="--end-only", remedy="add --plan")
    return None


def _presets(names: tuple[str, ...]) -> list[Entry]:
    if NOTHING in names and len(set(names)) > 1:
        raise UsageError("none leaves no other preset", where="--accept-preset", remedy="leave one of them out")
    return [PRESETS[name] for name in dict.fromkeys(names or _USUAL) if name != NOTHING]


def _assumed(strict: tuple[str, ...]) -> Assume:
    """What is still taken for granted."""
    if ALL in strict:
        return Assume.NOTHING
    found = Assume.EVERYTHING
    for name in set(strict) - {WAYPOINTS}:
        found &= ~Assume[name.upper()]
    return found


def proof_of(ask: Ask) -> Proof:
    """Read, compare, and ask the invariants."""
    return proof_between(ask, [read_mesh(each, ask.manner, require_complete=ask.whole) for each in ask.sources])


def proof_between(ask: Ask, read: Sequence[Mesh], held: Held | None = None) -> Proof:
    """Compare meshes that were read, and ask the invariants.

    Args:
        ask: what is asked.
        read: a mesh for each of its sources.
        held: what the proof before this one holds, and this one will for the next; None where none follows.
    """
    holds = held or Held(stays=False)
    meshes = [holds.made(each, running) for each in read] if ask.ready and ask.plan is None else list(read)
    with garbage_untouched(), _progress(ask.manner) as tell:
        first = State(_name(ask.sources[0], meshes[0]), holds.before(meshes[0], ask.version))
        inquiry = Inquiry(ask.invariants, ask.terms.budget, nodes=Assume.NODES not in ask.terms.assume)
        steps, kept = ask.plan is not None, Kept()
        parts = parts_of(first.index, ask.jobs) if steps else 1
        share, part = sharing_between(ask.jobs), Part(0, parts)
        walk = Walk(first, ask.terms, ask.acceptance, inquiry, steps=steps, share=share, part=part, kept=kept)
        walk.ask(first.index, TODAY if steps else BEFORE if len(meshes) > 1 else "")
        others = found_beside(first.index, ask.terms, parts, lambda: _others(ask, meshes, first.index, holds))
        with closing(others):
            for state in _others(ask, meshes, first.index, holds):
                tell(state.name)
                if steps:
                    walk.follow(state, others)
                else:
                    _compare(walk, state, ask, holds, kept)
                walk.ask(state.index, state.name if steps else AFTER, state.read)
                if walk.is_enough:
                    break
            walk.catch_up(others)
        proof = _with_commands(walk.proof(), ask)
        taken = any(made is not mesh for made, mesh in zip(meshes, read, strict=True))
        return replace(proof, assumptions=(*proof.assumptions, READY)) if taken else proof


def parts_of(first: MeshIndex, jobs: int) -> int:
    """By how many processes the states of a plan are asked: each goes through all of them, for some namespaces."""
    return jobs if can_copy() and len(first.by_namespace) >= jobs * _NAMESPACES_EACH else 1


def found_beside(
    first: MeshIndex, terms: Terms, parts: int, states: Callable[[], Iterable[State]]
) -> Generator[list[Findings]]:
    """What the other parts find in each state of a plan.

    Args:
        first: the mesh that the states are held against.
        terms: of the comparison.
        parts: how many there are, the one of this process included.
        states: all of them, made anew by each process.
    """

    def walk(number: int) -> Iterator[Findings]:
        journey = Journey(first, terms, Part(number, parts))
        return (journey.findings(state.name, state.index) for state in states())

    return beside(parts - 1, walk, Findings)


def sharing_between(jobs: int) -> Share:
    """What has namespaces asked by several processes."""
    return lambda asked, spaces: shared(jobs, asked, spaces, Remembered)


def _compare(walk: Walk, state: State, ask: Ask, held: Held, kept: Kept) -> None:
    """Two meshes, with what is held, and what earlier runs found."""
    if ask.terms.most or not (ask.remembers or held.stays):
        walk.visit(state)
        return
    before, after = walk.first, state.index
    content = held.content(before, after, f"{program()} {ask.terms!r} {ask.ready}")
    memory = ProofMemory(content.everywhere) if ask.remembers else None
    kept.callers = held.callers(before, after)
    walk.visit(state, Recollection(content, held.memory(memory)))
    held.note(kept.callers)
    if memory is not None:
        memory.save()


def _others(ask: Ask, meshes: Sequence[Mesh], last: MeshIndex, held: Held) -> Iterator[State]:
    """What is held against the first mesh, made one after the other."""
    if ask.plan is not None:
        for name, mesh in states_of(ask.plan, meshes[0], ask.version):
            last = MeshIndex.of(mesh, ask.version, like=last)
            yield State(name, last)
    elif len(meshes) > 1:
        yield State(_name(ask.sources[1], meshes[1]), held.after(meshes[1], last, ask.version), meshes[1])


def _with_commands(proof: Proof, ask: Ask) -> Proof:
    """Commands that ask the mesh which answers otherwise."""
    if ask.plan is None:
        sides = {BEFORE: (*_reading(ask.sources[0]), "--at", TODAY)}
        return with_commands(proof, sides, (*_reading(ask.sources[-1]), "--at", TODAY))
    source = _reading(ask.sources[0])
    end = "" if proof.ended_early else proof.compared[-1]
    places = {name: ask.plan.at(name, last=name == end) for name in proof.compared[1:]}
    steps = {name: (*source, "--at", place) for name, place in {**places, TODAY: TODAY}.items() if place}
    return with_commands(proof, steps, None)


def _reading(source: SourceOptions) -> tuple[str, ...]:
    """Options by which other commands read the same mesh."""
    found = [part for path in source.paths for part in ("--from", path)]
    found += ["--context", source.context] if source.context else []
    return (*found, *(["--kubeconfig", source.kubeconfig] if source.kubeconfig else []))


def _name(source: SourceOptions, mesh: Mesh) -> str:
    return ", ".join(source.paths) or f"{CLUSTER} {mesh.source.name}"


def _sources(values: dict[str, Any]) -> tuple[SourceOptions, ...]:
    """The meshes that are asked for."""
    given = values["meshes"]
    before, after = _sides(given, values)
    if before or after:
        _check_alone(values)
        sources = tuple(_source(side, values) for side in (before, after))
    else:
        if values["plan"] is None and not values["invariants"]:
            raise UsageError("says neither what to compare nor what to check", remedy=_FORMS)
        paths = tuple(given) or values["paths"] or (CLUSTER,)
        if given and values["paths"]:
            raise UsageError("names the mesh twice", where="--from", remedy="leave one of them out")
        sources = (_source(paths, values),)
    if sum(_STDIN in each.paths for each in sources) > 1:
        raise UsageError("stdin holds one mesh", where=_STDIN, remedy="read the other from a file")
    return sources


_FORMS = "write two meshes, or --plan, or --invariant; see sidestep prove --help"


def _sides(given: tuple[str, ...], values: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is before and what is after; both empty where one mesh is asked alone."""
    before, after = values["before"], values["after"]
    if given and (before or after):
        raise UsageError("meshes are named as arguments and as options", where="--before", remedy="use one way")
    if len(given) > 2:
        raise UsageError("more than two meshes", where=given[2], remedy=f"{_FORMS}; --before takes several files")
    if len(given) == 2:
        return (given[0],), (given[1],)
    if bool(before) is not bool(after):
        missing = "--after" if before else "--before"
        raise UsageError("only one mesh is named", where=missing, remedy=f"add {missing} MESH")
    return before, after


def _check_alone(values: dict[str, Any]) -> None:
    for name, option in (("plan", "--plan"), ("paths", "--from")):
        if values[name]:
            raise UsageError("two meshes are compared already", where=option, remedy="leave it out")


def _source(paths: tuple[str, ...], values: dict[str, Any]) -> SourceOptions:
    """A mesh by its name; the cluster's own options count for every cluster."""
    word, _, context = paths[0].partition(":")
    if word != CLUSTER:
        return SourceOptions(paths, None, None, (), "", values["request_timeout"])
    if len(paths) > 1:
        raise UsageError("a cluster is a whole mesh", where=paths[0], remedy="give it alone; ./cluster is a file")
    return SourceOptions((), context or values["context"], values["kubeconfig"], (), "", values["request_timeout"])


@contextmanager
def _progress(manner: Manner) -> Iterator[Any]:
    """Says which state is being proved: in place where somebody watches, else only when asked to be verbose."""
    if manner.quiet or not sys.stderr.isatty():
        yield lambda name: click.echo(f"proving {name}", err=True) if manner.verbose and not manner.quiet else None
        return
    from rich.console import Console  # noqa: PLC0415 - only who watches pays for it
    from rich.markup import escape  # noqa: PLC0415

    with Console(stderr=True).status("proving") as status:
        yield lambda name: status.update(f"proving {escape(name)}")
