"""A migration of many workloads through a real API server, with real controllers and nodes that KWOK plays.

    python -m bench.migrate [--sizes 20,100] [--parallel 16] [--write]
    python -m bench.migrate --sizes 1000

Each workload is a Deployment of one pod that takes a plan's own steps: labelled, rolled out, waited for until it is
captured. Every size is a cluster of its own, in which all workloads move three times: by a run that keeps its records
in the cluster, back by one that keeps none, and again by one that is left when half of it is done and gone on with.
What takes time is the cluster, which makes all pods four times beside us: a thousand workloads took 148 s each way, so
that `--sizes 1000` needs some eight minutes on two cores that do nothing else. Each part is told when it begins.

- writes: changes of objects that the plan names; of the journal; and others (the Lease, Events, the plan's document).
- reads a step: looks at workloads and pods, before a write and while it is waited for what comes of it.
- reads a second: the same by time, on average and in the busiest second.
- without: seconds of the run that keeps no records; what records cost is the difference.
- ms of CPU: that our process spends on a step, and without records. It waits for the cluster most of the time.
- resume: from opening the records until the next step begins.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
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
from sidestep.actions.worlds.cluster.server import Ask, Server
from sidestep.actions.worlds.cluster.world import ClusterWorld, cluster_identity
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.document import Plan, Wave
from sidestep.plan.steps import Restart, SetLabels, Step, Wait, WaitFor

SIZES = (20, 100)
RUN, RECORDS = "bench", "istio-system"
DATAPLANE_MODE = "istio.io/dataplane-mode"
_IN_NAMESPACE, _IN_WAVE = 50, 100
_TITLES = (
    "workloads", "steps", "s", "writes of the plan", "of the journal", "others", "reads a step",
    "reads a second", "at most", "s without", "ms of CPU a step", "ms without", "resume s",
)  # fmt: skip
_PATIENCE = Patience(rollout=1_200)
_CLOCK = Clock(time.monotonic, time.sleep)


class Figures(Struct, frozen=True):
    """What was measured of one size."""

    workloads: int
    steps: int
    seconds: float
    writes: Counter[str]
    reads: list[float]
    cpu: float
    without: tuple[float, float]
    resume: float

    def row(self) -> list[str]:
        """For the table."""
        seconds, cpu = self.without
        busiest = max(Counter(int(at) for at in self.reads).values())
        return [
            f"{self.workloads:,}", f"{self.steps:,}", f"{self.seconds:.0f}", f"{self.writes['plan']:,}",
            f"{self.writes['journal']:,}", f"{self.writes['other']:,}",
            f"{len(self.reads) / self.steps:.1f}", f"{len(self.reads) / self.seconds:.0f}", f"{busiest:,}",
            f"{seconds:.0f}", f"{1000 * self.cpu / self.steps:.1f}", f"{1000 * cpu / self.steps:.1f}",
            f"{self.resume:.2f}",
        ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--write", action="store_true", help="renew the table in docs/performance.md")
    given = parser.parse_args()
    rows = []
    for size in map(int, given.sizes.split(",")):
        with tempfile.TemporaryDirectory(dir=_fast()) as folder, cluster(Path(folder), nodes=10) as running:
            rows.append(measured(running, size, given.parallel).row())
            print(dict(zip(_TITLES, rows[-1], strict=True)), flush=True)
    table = markdown(_TITLES, rows)
    print(table)
    if given.write:
        renew("migrations", table)


def _fast() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - the store of a cluster that is thrown away


def measured(running: Cluster, size: int, parallel: int) -> Figures:
    """One run, left and gone on with."""
    _tell(size, "are made")
    fill(running, size)
    _tell(size, "move, with records")
    plan = plan_of(size, "ambient", None)
    began, spent = time.monotonic(), time.process_time()
    asks: list[tuple[float, Ask]] = []
    server = Server(running.access(), lambda ask: asks.append((time.monotonic() - began, ask)))
    carried(server, plan, parallel, RUN, Half(len(plan.steps) + 1), Ending.COMPLETED)
    seconds, cpu, told = time.monotonic() - began, time.process_time() - spent, asks.copy()
    writes = Counter(kind_of(ask) for _, ask in told if ask.method != "GET")
    if writes["plan"] > len(plan.steps):
        raise SystemExit(f"{writes['plan']} writes for {len(plan.steps)} steps")
    _tell(size, "move back, without records")
    without = bare(server, plan_of(size, "none", "ambient"), parallel)
    _tell(size, "move again: left when half of them have, and gone on with")
    again = plan_of(size, "ambient", "none")
    carried(server, again, parallel, f"{RUN}-left", Half(len(again.steps) // 2), Ending.PAUSED)
    resume = carried(server, again, parallel, f"{RUN}-left", Half(1), Ending.PAUSED)
    server.close()
    reads = [at for at, ask in told if ask.method == "GET"]
    return Figures(size, len(plan.steps), seconds, writes, reads, cpu, without, resume)


def _tell(size: int, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {size:,} workloads {what}", file=sys.stderr, flush=True)


def bare(server: Server, plan: Plan, parallel: int) -> tuple[float, float]:
    """Seconds of a run that keeps no records, and of CPU."""
    began, spent = time.monotonic(), time.process_time()
    world = ClusterWorld(server, "bench")
    terms = Terms(RUN, "digest", parallel=parallel, patience=_PATIENCE)
    ended = Runner(plan, world, MemoryJournal(), terms, _CLOCK, known=Unrelated(plan)).run()
    if ended.how is not Ending.COMPLETED:
        raise SystemExit(f"the run that keeps nothing was not completed: {ended}")
    return time.monotonic() - began, time.process_time() - spent


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
