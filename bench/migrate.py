"""A migration of many workloads through a real API server, with real controllers and nodes that KWOK plays.

    python -m bench.migrate [--sizes 20,100] [--parallel 16] [--rounds 5] [--write]
    python -m bench.migrate --sizes 1000 --rounds 1

Each workload is a Deployment of one pod that takes a plan's own steps: labelled, rolled out, waited for until it is
captured. Every size is a cluster of its own, in which all workloads move there and back again and again: once for what
is asked and written, then in rounds for what records cost, and last by a run that is left when half of it is done and
gone on with. What takes time is the cluster, which makes all pods anew each time: a thousand workloads took 148 s each
way, so that `--sizes 1000 --rounds 1` needs some twenty minutes on two cores that do nothing else. Each part is told
when it begins.

A round goes there, back, there and back: one way there and one way back with records, in the other two with none, in
the order with, without, without, with, and the next round the other way round. Each way with records is held against
the one without that goes in the same direction in the same round, so that neither the direction nor a cluster that
grows slower counts.

- writes: changes of objects that the plan names; of the journal; and others (the Lease, Events, the plan's document).
- reads a step: looks at workloads and pods, before a write and while it is waited for what comes of it.
- reads a second: the same by time, on average and in the busiest second.
- overhead: what records add to the seconds of a way, the median of all pairs, and between which two of them half of
  all pairs lie. Looks are a second apart, so that a single pair of short ways is off by as much.
- at most: the share of a way with records in which any request of theirs was under way, against the rest of it. Records
  cannot have held a way up for longer than that, whatever else goes on beside it.
- ms of CPU: that our process spends on a step, and without records, the medians of all ways. It waits for the cluster
  most of the time.
- resume: from opening the records until the next step begins.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from tests.support.clusters import Cluster, cluster
from tests.support.clusters import until as wait_until

from bench.page import markdown, renew
from sidestep.actions.abreast import Together
from sidestep.actions.gates.judging import Answer, Finding
from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.events import Ending, Event, StepBegan, StepDone
from sidestep.actions.runs.in_cluster.notices import Notices
from sidestep.actions.runs.in_cluster.records import ClusterRecords
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.performing import Clock, Patience
from sidestep.actions.runs.runner import Runner, Terms
from sidestep.actions.worlds.cluster.refusals import Refusal
from sidestep.actions.worlds.cluster.server import Ask, Server
from sidestep.actions.worlds.cluster.world import ClusterWorld, cluster_identity
from sidestep.actions.worlds.interface import Tree
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.document import Plan, Wave
from sidestep.plan.steps import Restart, SetLabels, Step, Wait, WaitFor
from sidestep.sources.cluster.access import Access

SIZES = (20, 100)
RUN, RECORDS = "bench", "istio-system"
DATAPLANE_MODE = "istio.io/dataplane-mode"
_IN_NAMESPACE, _IN_WAVE = 50, 100
_TITLES = (
    "workloads", "steps", "s", "writes of the plan", "of the journal", "others", "reads a step",
    "reads a second", "at most", "pairs", "overhead %", "half of them", "at most %", "ms of CPU a step", "ms without",
    "resume s",
)  # fmt: skip
_PATIENCE = Patience(rollout=1_200)
_CLOCK = Clock(time.monotonic, time.sleep)


class Asked(Struct, frozen=True):
    """A request, and from when to when it was under way."""

    began: float
    ended: float
    ask: Ask


class Timed(Server):
    """A way to a server that tells of every request how long it took.

    Attributes:
        asked: all that came to an end.
    """

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self.asked: list[Asked] = []

    def ask(self, ask: Ask) -> Tree | Refusal:
        began = time.monotonic()
        try:
            return super().ask(ask)
        finally:
            self.asked.append(Asked(began, time.monotonic(), ask))


class Way(Struct, frozen=True):
    """All workloads moved once, in one direction.

    Attributes:
        seconds: that it took.
        cpu: seconds of our process.
        records: seconds in which a request of its records was under way.
    """

    seconds: float
    cpu: float
    records: float


class Pair(Struct, frozen=True):
    """Two ways in one direction, one after the other but for a way back."""

    kept: Way
    bare: Way

    @property
    def overhead(self) -> float:
        """What records add, as a share."""
        return self.kept.seconds / self.bare.seconds - 1

    @property
    def most(self) -> float:
        """What records can have added at most."""
        return self.kept.records / (self.kept.seconds - self.kept.records)


class Figures(Struct, frozen=True):
    """What was measured of one size."""

    workloads: int
    steps: int
    seconds: float
    writes: Counter[str]
    reads: list[float]
    pairs: tuple[Pair, ...]
    resume: float

    def row(self) -> list[str]:
        """For the table."""
        busiest = max(Counter(int(at) for at in self.reads).values())
        kept, bare = (
            f"{1000 * statistics.median(each.cpu for each in ways) / self.steps:.1f}"
            for ways in ([pair.kept for pair in self.pairs], [pair.bare for pair in self.pairs])
        )
        return [
            f"{self.workloads:,}", f"{self.steps:,}", f"{self.seconds:.0f}", f"{self.writes['plan']:,}",
            f"{self.writes['journal']:,}", f"{self.writes['other']:,}",
            f"{len(self.reads) / self.steps:.1f}", f"{len(self.reads) / self.seconds:.0f}", f"{busiest:,}",
            str(len(self.pairs)), *_overhead(self.pairs),
            f"{100 * statistics.median(pair.most for pair in self.pairs):.1f}", kept, bare, f"{self.resume:.2f}",
        ]  # fmt: skip


def _overhead(pairs: tuple[Pair, ...]) -> tuple[str, str]:
    """The median, and the quartiles."""
    found = [100 * pair.overhead for pair in pairs]
    lower, middle, upper = statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
    return f"{middle:+.1f}", f"{lower:+.1f} to {upper:+.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5, help="of four ways each, two of them with records")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/performance.md")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds: at least 1")
    rows = []
    for size in map(int, given.sizes.split(",")):
        with tempfile.TemporaryDirectory(dir=_fast()) as folder, cluster(Path(folder), nodes=10) as running:
            rows.append(measured(running, size, given.parallel, given.rounds).row())
            print(dict(zip(_TITLES, rows[-1], strict=True)), flush=True)
    table = markdown(_TITLES, rows)
    print(table)
    if given.write:
        renew("migrations", table)


def _fast() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - the store of a cluster that is thrown away


def measured(running: Cluster, size: int, parallel: int, rounds: int) -> Figures:
    """What is asked and written, what records cost, and how fast a run that was left is gone on with."""
    _tell(size, "are made")
    fill(running, size)
    _tell(size, "move, and all that is asked is counted")
    plan = plan_of(size, "ambient", None)
    began = time.monotonic()
    server = Timed(running.access())
    carried(server, plan, parallel, RUN, Half(len(plan.steps) + 1), Ending.COMPLETED)
    seconds, told = time.monotonic() - began, server.asked.copy()
    writes = Counter(kind_of(each.ask) for each in told if each.ask.method != "GET")
    if writes["plan"] > len(plan.steps):
        raise SystemExit(f"{writes['plan']} writes for {len(plan.steps)} steps")
    _tell(size, "move back")
    bare(server, plan_of(size, "none", "ambient"), parallel)
    pairs = tuple(pair for number in range(rounds) for pair in compared(server, size, parallel, number))
    _tell(size, "move again: left when half of them have, and gone on with")
    again = plan_of(size, "ambient", "none")
    carried(server, again, parallel, f"{RUN}-left", Half(len(again.steps) // 2), Ending.PAUSED)
    resume = carried(server, again, parallel, f"{RUN}-left", Half(1), Ending.PAUSED)
    server.close()
    reads = [each.began - began for each in told if each.ask.method == "GET"]
    return Figures(size, len(plan.steps), seconds, writes, reads, pairs, resume)


def compared(server: Timed, size: int, parallel: int, number: int) -> Iterator[Pair]:
    """One round: there and back twice, each once with records and once without."""
    plans = (plan_of(size, "ambient", "none"), plan_of(size, "none", "ambient")) * 2
    found: dict[tuple[int, bool], Way] = {}
    for place, plan in enumerate(plans):
        keeps = (place in {0, 3}) is (number % 2 == 0)
        _tell(size, f"move, round {number + 1}, way {place + 1} of 4, {'with' if keeps else 'without'} records")
        way = _kept(server, plan, parallel, f"{RUN}-{number:03}-{place}") if keeps else _bare(server, plan, parallel)
        found[place % 2, keeps] = way
    for direction in (0, 1):
        pair = Pair(found[direction, True], found[direction, False])
        _tell(size, f"took {pair.kept.seconds:.2f} s with and {pair.bare.seconds:.2f} s without records")
        yield pair


def _kept(server: Timed, plan: Plan, parallel: int, run: str) -> Way:
    half = Half(len(plan.steps) + 1)
    return timed(server, lambda: carried(server, plan, parallel, run, half, Ending.COMPLETED))


def _bare(server: Timed, plan: Plan, parallel: int) -> Way:
    return timed(server, lambda: bare(server, plan, parallel))


def timed(server: Timed, act: Callable[[], object]) -> Way:
    """How long something takes."""
    server.asked.clear()
    began, spent = time.monotonic(), time.process_time()
    act()
    seconds, cpu = time.monotonic() - began, time.process_time() - spent
    return Way(seconds, cpu, covered((each.began, each.ended) for each in server.asked if of_records(each.ask)))


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that are in any of some spans of time."""
    total, until = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(ended - max(began, until), 0.0)
        until = max(until, ended)
    return total


def _tell(size: int, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {size:,} workloads {what}", file=sys.stderr, flush=True)


def bare(server: Server, plan: Plan, parallel: int) -> None:
    """A run that keeps no records."""
    world = ClusterWorld(server, "bench")
    terms = Terms(RUN, "digest", parallel=parallel, patience=_PATIENCE)
    ended = Runner(plan, world, MemoryJournal(), terms, _CLOCK, known=Unrelated(plan)).run()
    if ended.how is not Ending.COMPLETED:
        raise SystemExit(f"the run that keeps nothing was not completed: {ended}")


class Unrelated:
    """Knows that nobody's request depends on the order of these moves."""

    def __init__(self, plan: Plan) -> None:
        self._all = (frozenset(step.id for step in plan.steps),)

    def together(self, _wave: int) -> Together:
        return self._all

    def after(self, wave: int) -> Finding:
        return Finding(Answer.HOLDS, f"wave {wave} is taken for what was foretold")


def kind_of(ask: Ask) -> str:
    """For what a write was."""
    if "/deployments/" in ask.path:
        return "plan"
    named = ask.path.rpartition("/")[2] if ask.method == "PATCH" else (ask.body or {}).get("metadata", {}).get("name")
    return "journal" if "-journal-" in (named or "") else "other"


def of_records(ask: Ask) -> bool:
    """Whether a request is about the journal, the Lease, the plan's document or an Event."""
    return any(f"/{kind}" in ask.path for kind in ("configmaps", "leases", "events"))


class Half:
    """Wishes that the run is left when so many steps are done."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self._lock = threading.Lock()
        self.first_begun: float | None = None

    def heard(self, event: Event) -> None:
        with self._lock:
            self._left -= isinstance(event, StepDone)
            if isinstance(event, StepBegan) and self.first_begun is None:
                self.first_begun = time.monotonic()

    def wish(self) -> Wish:
        return Wish.GO_ON if self._left > 0 else Wish.LEAVE


def carried(server: Server, plan: Plan, parallel: int, run: str, half: Half, ending: Ending) -> float:
    """Begin a run, or go on with it; seconds until its first step begins."""
    began = time.monotonic()
    records = ClusterRecords(server, RECORDS, lambda: datetime.now(UTC).isoformat(), _CLOCK)
    if run not in records.runs():
        records.begin(run, b"{}")
    with records.hold(run, "bench") as may_write:
        world = ClusterWorld(server, cluster_identity(server), may_write=may_write)
        notices = Notices(server, RECORDS, run)

        def heard(event: Event) -> None:
            half.heard(event)
            notices(event)

        terms = Terms(run, "digest", parallel=parallel, patience=_PATIENCE)
        runner = Runner(
            plan, world, records.journal(run), terms, _CLOCK, control=half, heard=heard, known=Unrelated(plan)
        )
        ended = runner.run()
    if ended.how is not ending:
        raise SystemExit(f"run {run} was to end as {ending.value}: {ended}")
    return (half.first_begun or began) - began


def workloads(size: int) -> Iterator[WorkloadRef]:
    """Fifty in a namespace."""
    for number in range(size):
        yield WorkloadRef(f"team-{number // _IN_NAMESPACE:03}", "Deployment", f"app-{number:04}")


def plan_of(size: int, mode: str, before: str | None) -> Plan:
    """The steps that `sidestep plan` has for workloads that need nothing else, a hundred in a wave.

    Args:
        size: how many workloads.
        mode: that their pods are to be in.
        before: that they are in.
    """
    until = WaitFor.CAPTURED if mode == "ambient" else WaitFor.SIDECARS_GONE
    steps: list[Step] = []
    for number, ref in enumerate(workloads(size)):
        wave, place = number // _IN_WAVE + 1, number % _IN_WAVE * 3
        names = [f"w{wave:03}-{place + each:04}" for each in (1, 2, 3)]
        labels: dict[str, str | None] = {DATAPLANE_MODE: mode}
        target = ObjectId("apps/v1", "Deployment", ref.namespace, ref.name)
        steps += [
            Step(names[0], wave, SetLabels(target, labels, {DATAPLANE_MODE: before}, template=True), "label"),
            Step(names[1], wave, Restart(ref, 1, effect_only=True), "roll out", after=(names[0],)),
            Step(names[2], wave, Wait(until, str(ref), 1_200), "wait", after=(names[1],)),
        ]
    waves = [
        Wave(number, f"wave {number}", tuple(step.id for step in steps if step.wave == number))
        for number in range(1, steps[-1].wave + 1)
    ]
    return Plan("bench", "1.29", "", "", waves=tuple(waves), steps=tuple(steps))


def fill(running: Cluster, size: int) -> None:
    """Namespaces and Deployments, and all their pods ready."""
    spaces = {RECORDS, *(ref.namespace for ref in workloads(size))}
    running.have(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in spaces))
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(running.have, map(deployment, workloads(size))))

    def ready() -> bool:
        found = running.api.send("GET", "/apis/apps/v1/deployments")["items"]
        return sum(each["status"].get("readyReplicas", 0) for each in found) >= size

    wait_until(ready, seconds=1_200)


def deployment(ref: WorkloadRef) -> dict[str, Any]:
    labels = {"app": ref.name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "registry.example.com/app:1"}]},
    }
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": ref.name, "namespace": ref.namespace},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }  # fmt: skip


if __name__ == "__main__":
    main()
