"""A plan as a folder of files: to read, to review, to commit, and to apply by hand."""

from collections import Counter
from collections.abc import Iterator, Mapping

from sidestep.errors import UsageError
from sidestep.model.call_graph import CallGraph
from sidestep.plan.document import Exposure, Plan, Wave
from sidestep.plan.install.render import one_line
from sidestep.plan.steps import Apply, Patch, SetLabels, Step, reverse
from sidestep.report.formats import Look
from sidestep.report.plan import digest, json_plan, markdown
from sidestep.report.plan.file_names import ROLLBACK, WAVES, file_of, folder
from sidestep.report.plan.kubectl import Shell
from sidestep.report.plan.kustomize import kustomization
from sidestep.report.plan.manifests import as_yaml, backwards, forwards
from sidestep.report.plan.report import PlanReport
from sidestep.report.plan.run_page import rollback_page, rollback_steps, run_page

INSTALL = "install"
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_Files = Iterator[tuple[str, str]]


def plan_files(plan: Plan, install_files: Mapping[str, str], graph: CallGraph) -> dict[str, str]:
    """Texts by path relative to the plan's folder, in the order of the paths; equal plans give equal bytes.

    Args:
        plan: the plan.
        install_files: of the installation, by paths below `install/` (see `plan.install.render`).
        graph: who calls whom.

    Raises:
        UsageError: a file of the installation lies elsewhere, or two steps have the same id.
    """
    _refuse_twins(plan)
    return dict(sorted(_files(plan, install_files, PlanReport(plan, graph))))


def _refuse_twins(plan: Plan) -> None:
    twins = [name for name, number in Counter(step.id for step in plan.steps).items() if number > 1]
    if twins:
        raise UsageError("two steps have the same id", where=f"step {twins[0]}", remedy="give each its own")


def _files(plan: Plan, install_files: Mapping[str, str], report: PlanReport) -> _Files:
    yield "plan.json", json_plan.render(report, Look())
    yield "plan.md", markdown.render(report, Look())
    shell = Shell(plan)
    for wave in digest.waves(plan):
        yield from _wave(plan, wave, shell)
        yield from _rollback(plan, wave)
    for number, exposure in enumerate(plan.exposures, 1):
        yield from _exposure(exposure, number)
    yield from _install(install_files)


def _wave(plan: Plan, wave: Wave, shell: Shell) -> _Files:
    steps, place = digest.steps_of(plan, wave.number), folder(WAVES, wave.number)
    yield f"{place}/run.md", run_page(plan, wave)
    if listed := kustomization(steps, wave.number):
        yield f"{place}/kustomization.yaml", listed
    for step in steps:
        effect = step.effect
        if isinstance(effect, SetLabels | Patch | Apply):
            yield file_of(WAVES, step, effect), forwards(step, effect, _way_back(step, shell))


def _rollback(plan: Plan, wave: Wave) -> _Files:
    yield f"{folder(ROLLBACK, wave.number)}/run.md", rollback_page(plan, wave)
    for step in rollback_steps(plan, wave):
        effect = reverse(step.effect)
        if isinstance(effect, SetLabels | Patch | Apply):
            yield file_of(ROLLBACK, step, effect), backwards(step, effect)


def _way_back(step: Step, shell: Shell) -> str:
    effect = reverse(step.effect)
    return "none is needed" if effect is None else " ".join(shell.lines(effect, file_of(ROLLBACK, step, effect)))


def _exposure(exposure: Exposure, number: int) -> _Files:
    if exposure.policy is not None:
        words = f"# Closes a window ({one_line(digest.span(exposure))}): {one_line(exposure.requests)}\n"
        yield f"exposures/{exposure.wave:02}-{number:02}.yaml", words + as_yaml(exposure.policy)


def _install(files: Mapping[str, str]) -> _Files:
    for path, text in files.items():
        area, _, name = path.partition("/")
        if area != INSTALL or not name.strip(".") or not _SAFE.issuperset(name):
            raise UsageError("a file of the installation lies elsewhere", where=path, remedy=f"name it {INSTALL}/NAME")
        yield path, text
