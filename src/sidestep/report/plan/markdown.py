"""The plan for people: `plan.md`, to be read in a pull request and gone through as a checklist."""

from collections.abc import Iterable, Iterator

from sidestep.plan.document import Exposure, Plan, Wave
from sidestep.plan.steps import Step
from sidestep.report.formats import Look
from sidestep.report.markup import escaped, fenced, row
from sidestep.report.plan import digest
from sidestep.report.plan.drawing import mermaid
from sidestep.report.plan.file_names import ROLLBACK, WAVES, file_of, folder
from sidestep.report.plan.kubectl import Shell
from sidestep.report.plan.manifests import as_yaml
from sidestep.report.plan.markdown_tables import blockers, prerequisites, waypoints, workloads
from sidestep.report.plan.report import PlanReport
from sidestep.report.plan.run_page import rollback_steps
from sidestep.report.units import count, money

STEPS_SHOWN = 100
"""Of a wave."""
_FEWEST_SHOWN, _ALL_SHOWN = 5, 2_000
_BACK = (
    "Last wave first; within a wave each step back in the order of `{place}/NN/run.md`. Nothing is deleted that was "
    "not made by this plan, and what it deleted is applied again."
)


def render(report: PlanReport, _look: Look) -> str:
    """One page."""
    plan = report.plan
    parts = (
        _head(plan),
        _graph(report),
        prerequisites(plan),
        blockers(plan),
        _waves(plan),
        _exposures(plan),
        waypoints(plan),
        workloads(plan),
        _back(plan),
        _words("Worth knowing", plan.advice),
        _words("Taken for granted", plan.assumed),
    )
    return "\n\n".join(["# Migration to ambient", *(part for parts_ in parts for part in parts_)]) + "\n"


def _head(plan: Plan) -> Iterator[str]:
    if plan.missing:
        lines = (f"> - {escaped(each)}" for each in plan.missing)
        yield "\n".join((f"> **Partial**: {count(len(plan.missing), 'thing')} could not be read.", *lines))
    yield f"{escaped(plan.source)}, Istio {escaped(plan.istio or 'unknown')}, sidestep {escaped(plan.generator)}"
    yield escaped(plan.summary, 4_000)
    told = [
        (each.fate.value, f"{count(each.workloads, 'workload')}, {count(each.pods, 'pod')}")
        for each in digest.verdicts(plan)
    ]
    facts = [*told, *digest.at_the_end(plan)]
    if facts:
        yield "\n".join(f"- **{escaped(label)}**: {escaped(text)}" for label, text in facts)


def _graph(report: PlanReport) -> Iterator[str]:
    if report.graph.edges:
        yield "## Who calls whom"
        yield fenced(mermaid(report.graph, report.plan).splitlines(), "mermaid")
        yield "The border's colour is the wave; grey stays. Dotted calls were only inferred from configuration."


def _waves(plan: Plan) -> Iterator[str]:
    waves = digest.waves(plan)
    if not waves:
        return
    heads = ("Wave", "What", "Workloads", "Pods", "Steps", "Sidecars/month", "Ambient/month", "Saved/month", "Owner")
    yield "## Waves"
    rows = (row(_cells(plan, wave)) for wave in waves)
    yield "\n".join((row(heads), row(("--:", "---", *("--:",) * 6, "---")), *rows))
    shell = Shell(plan)
    most = max(_FEWEST_SHOWN, min(STEPS_SHOWN, _ALL_SHOWN // len(waves)))
    for wave in waves:
        yield from _wave(plan, wave, shell, most)


def _cells(plan: Plan, wave: Wave) -> tuple[str, ...]:
    figures = (wave.money.sidecars, wave.money.ambient, wave.money.saved)
    return (
        str(wave.number),
        escaped(wave.title),
        f"{len(wave.workloads):,}",
        f"{wave.pods:,}",
        f"{len(digest.steps_of(plan, wave.number)):,}",
        *(escaped(money(each, plan.currency)) for each in figures),
        escaped(wave.owner or "-"),
    )


def _wave(plan: Plan, wave: Wave, shell: Shell, most: int) -> Iterator[str]:
    title = f": {escaped(wave.title)}" if wave.title else ""
    yield f"### Wave {wave.number}{title}"
    if wave.workloads:
        yield f"Moves {escaped(', '.join(map(str, wave.workloads)), 2_000)}."
    if wave.constraints:
        yield "\n".join(f"- {escaped(digest.constraint(each))}" for each in wave.constraints)
    steps = digest.steps_of(plan, wave.number)
    if steps:
        yield "\n".join(line for step in steps[:most] for line in _step(step, shell))
    if len(steps) > most:
        yield f"… and {len(steps) - most:,} more, in `{folder(WAVES, wave.number)}/run.md`."


def _step(step: Step, shell: Shell) -> Iterator[str]:
    """An item of the checklist, with its commands in the same item."""
    then = f" — {escaped(step.predicts)}" if step.predicts else ""
    yield f"- [ ] **{escaped(step.id)}** {escaped(step.description)}{then}"
    code = fenced(shell.lines(step.effect, file_of(WAVES, step, step.effect)), "sh")
    yield from (f"  {line}" for line in code.split("\n"))


def _exposures(plan: Plan) -> Iterator[str]:
    if not plan.exposures:
        return
    yield "## Requests decided otherwise for a while"
    yield "Upstream Istio knows no order of steps without these windows."
    for each in plan.exposures:
        yield f"- {escaped(digest.span(each))}: {escaped(each.requests)}"
        yield from _closing(each)


def _closing(exposure: Exposure) -> Iterator[str]:
    if exposure.policy is not None:
        yield "  A policy that closes it meanwhile:"
        code = fenced(as_yaml(exposure.policy).rstrip("\n").split("\n"), "yaml")
        yield "\n".join(f"  {line}" for line in code.split("\n"))


def _back(plan: Plan) -> Iterator[str]:
    waves = [wave for wave in reversed(digest.waves(plan)) if rollback_steps(plan, wave)]
    if waves:
        yield "## Way back"
        yield _BACK.format(place=ROLLBACK)
        yield "\n".join(_wave_back(plan, wave) for wave in waves)


def _wave_back(plan: Plan, wave: Wave) -> str:
    steps = count(len(rollback_steps(plan, wave)), "step")
    return f"- [ ] Wave {wave.number}: {steps}, `{folder(ROLLBACK, wave.number)}/run.md`"


def _words(title: str, texts: Iterable[str]) -> Iterator[str]:
    if lines := [f"- {escaped(text, 1_000)}" for text in texts]:
        yield f"## {title}"
        yield "\n".join(lines)
