"""Speed and memory of proofs: of a migrated mesh, of a broken one, of a change, of a plan, and of one bad service.

    python -m bench.prove [--sizes 50,200,1000] [--plans 2,5,10] [--write]
    python -m bench.prove --one plan 1000       # one row; --jobs and --states for less of a plan

Sizes are numbers of namespaces: each has twenty services, ten policies and five routes. Every measurement is a process
of its own, and counts from meshes that were read: making them ready to be asked is part of it.

- whole: the mesh before against the one in ambient, all of it, by as many processes as there are cores.
- broken: the same mesh twice, of which one lost a clause of one policy; up to the first counterexample.
- again: after the whole proof, a mesh in which one policy of one namespace is gone, proved in the same process.
- kept: the same change, but all that was proved before comes from the file of another run; meshes are made ready anew.
- watched: the same change as a file that is saved beside `sidestep prove --watch`: from the look that sees it to the
  verdict that is printed, the middle of five.
- plan: every state of a plan that `sidestep plan` makes, those within steps too, by a process for each core.
- rules: one service with 500 policies by paths of every form, of which one mesh lacks one.
"""

import argparse
import atexit
import gc
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from msgspec.structs import replace

from bench.audit import ROOT
from bench.page import markdown, renew
from bench.prove_mesh import Faults, Size, mesh, pathological
from bench.prove_watch import watched
from sidestep.actions.memory import states
from sidestep.cli.processes import cores
from sidestep.cli.proof_memory import ProofMemory, program
from sidestep.cli.proofs import found_beside, parts_of, sharing_between
from sidestep.cli.reading import garbage_untouched
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.mesh import Mesh
from sidestep.model.sharing import sharing
from sidestep.plan.document import Plan
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.prove.accepted import Acceptance
from sidestep.prove.content import Content
from sidestep.prove.invariants import Inquiry
from sidestep.prove.partial import with_partial
from sidestep.prove.proof import Proof
from sidestep.prove.prover import Terms, prove
from sidestep.prove.remembered import Recollection
from sidestep.prove.states import Journey, Part
from sidestep.prove.walk import State, Walk
from sidestep.semantics.index import MeshIndex
from sidestep.sources.prices import load_prices

SIZES = (50, 200, 1_000)
PLANS = (2, 5, 10)
RULES = 500
_ALL = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
"""What two processes share counts twice."""
_TITLES = ("proof", "services", "policies", "routes", "verdict", "states", "ways", "requests", "s", "CPU s", "peak MiB")


def size_of(namespaces: int) -> Size:
    """Twenty services for each namespace."""
    return Size(namespaces, namespaces * 20, namespaces * 10, namespaces * 5)


def whole(size: Size) -> Callable[[], Proof]:
    """The end of a migration."""
    before, after = mesh(size, after=False), mesh(size, after=True)
    return lambda: Journey(MeshIndex.of(before), Terms()).recall(MeshIndex.of(after), None, sharing_between(cores()))


def broken(size: Size) -> Callable[[], Proof]:
    """One policy of ten thousand admits too much."""
    faults = Faults(frozenset({size.services // 2}))
    before, after = mesh(size, after=True), mesh(size, after=True, faults=faults)

    def proved() -> Proof:
        first = MeshIndex.of(before)
        return prove(first, MeshIndex.of(sharing(after.in_order, first.mesh), like=first), Terms(most=1))

    return proved


def again(size: Size) -> Callable[[], Proof]:
    """One policy is gone after all was proved."""
    before, after = MeshIndex.of(mesh(size, after=False)), MeshIndex.of(mesh(size, after=True))
    journey = Journey(before, Terms())
    journey.visit("all", after)
    key, policies = AUTHORIZATION_POLICY.key, after.mesh.of(AUTHORIZATION_POLICY)
    changed = replace(after.mesh, resources={**after.mesh.resources, key: policies[1:]})
    return lambda: journey.visit("changed", MeshIndex.of(changed, like=after))


def kept(size: Size) -> Callable[[], Proof]:
    """One policy is gone since another run proved all."""
    before, after = mesh(size, after=False), mesh(size, after=True)
    key, policies = AUTHORIZATION_POLICY.key, after.of(AUTHORIZATION_POLICY)
    changed = replace(after, resources={**after.resources, key: policies[1:]})
    folder = Path(tempfile.mkdtemp(prefix="sidestep-bench-"))
    atexit.register(shutil.rmtree, folder)
    recalled(before, after, folder)
    return lambda: recalled(before, changed, folder)


def recalled(before: Mesh, after: Mesh, folder: Path) -> Proof:
    """A proof as the command makes it, with what another one kept."""
    first = MeshIndex.of(before)
    second = MeshIndex.of(sharing(after.in_order, first.mesh), like=first)
    content = Content(first, second, program())
    memory = ProofMemory(content.everywhere, folder)
    proof = Journey(first, Terms()).recall(second, Recollection(content, memory))
    memory.save()
    return proof


def plan(size: Size, jobs: int = 0, most: int | None = None) -> Callable[[], Proof]:
    """Every state on the way, or the first ones."""
    before = mesh(size, after=False).in_order
    made = make_plan(PlanRequest(before, load_prices(None), graph=inferred_calls(before)))
    return lambda: visited(before, made, jobs or cores(), most)


def visited(before: Mesh, made: Plan, jobs: int, most: int | None) -> Proof:
    """All states of a plan, one after the other, as the command does it."""
    first = MeshIndex.of(before)
    parts = parts_of(first, jobs)

    def way() -> Iterator[State]:
        last = first
        found = with_partial(before, ((step.id, after) for step, after in states(made, before)))
        for step, after in islice(found, most):
            last = MeshIndex.of(after, like=last)
            yield State(step, last)

    walk = Walk(
        State("today", first), Terms(), Acceptance((), date.max), Inquiry((), 1), steps=True, part=Part(0, parts)
    )  # fmt: skip
    with closing(found_beside(first, Terms(), parts, way)) as others:
        for state in way():
            walk.follow(state, others)
        walk.catch_up(others)
    return walk.proof()


def rules(_size: Size) -> Callable[[], Proof]:
    """Hundreds of rules before one service."""
    before, after = pathological(RULES, same=False), pathological(RULES, same=True)
    return lambda: prove(MeshIndex.of(before), MeshIndex.of(after))


KINDS: dict[str, Callable[[Size], Callable[[], Proof]]] = {
    each.__name__: each for each in (whole, broken, again, kept, plan, rules)
}


def cpu_seconds() -> float:
    """Of this process and those that it made."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, _ALL))


def measure(what: str, namespaces: int, jobs: int = 0, most: int | None = None) -> dict[str, Any]:
    """One proof in this process, without what it takes to make the meshes and the plan."""
    size = size_of(namespaces)
    if what == "watched":
        return beside_files(size)
    proved = plan(size, jobs, most) if what == "plan" else KINDS[what](size)
    gc.collect()
    with garbage_untouched():
        start, cpu = time.perf_counter(), cpu_seconds()
        found = proved()
        seconds, used = time.perf_counter() - start, cpu_seconds() - cpu
    return told_of(what, namespaces, found, seconds, used)


def beside_files(size: Size) -> dict[str, Any]:
    """What somebody waits for who edits a file."""
    edits = watched(size)
    return told_of("watched", size.namespaces, edits.proof, median(edits.seconds), median(edits.cpu))


def told_of(what: str, namespaces: int, found: Proof, seconds: float, used: float) -> dict[str, Any]:
    """A row."""
    return {
        "what": what,
        "namespaces": namespaces,
        "seconds": seconds,
        "cpu": used,
        "peak": sum(resource.getrusage(each).ru_maxrss for each in _ALL) / 1024,
        "verdict": found.verdict.value,
        "states": found.states,
        "ways": found.ways,
        "requests": found.requests,
    }


def run(what: str, namespaces: int) -> dict[str, Any]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "bench.prove", "--one", what, str(namespaces)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    return markdown(_TITLES, (_cells(row) for row in rows))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    size = size_of(row["namespaces"])
    counts = (2, RULES, 0) if row["what"] == "rules" else (size.services, size.policies, size.routes)
    numbers = (*counts, row["verdict"], row["states"], row["ways"], row["requests"])
    times = (f"{row['seconds']:.2f}", f"{row['cpu']:.2f}", f"{row['peak']:,.0f}")
    return (row["what"], *(f"{each:,}" if isinstance(each, int) else each for each in numbers), *times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--plans", default=",".join(map(str, PLANS)))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "NAMESPACES"), help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--states", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], int(given.one[1]), given.jobs, given.states)))
        return
    sizes, plans = ([int(each) for each in text.split(",")] for text in (given.sizes, given.plans))
    asked = [*(("whole", size) for size in sizes), ("broken", sizes[-1]), ("again", sizes[-1]), ("kept", sizes[-1])]
    asked += [("watched", sizes[-1])]
    told = table([run(*each) for each in (*asked, *(("plan", size) for size in plans), ("rules", 1))])
    print(told)
    if given.write:
        renew("proofs", told)


if __name__ == "__main__":
    main()
