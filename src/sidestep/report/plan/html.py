"""The page of a plan: one self-contained file like an audit's, with the call graph coloured by wave."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from sidestep.plan.document import Exposure, Plan, Wave
from sidestep.plan.steps import reverse
from sidestep.report.formats import Look
from sidestep.report.html.frame import Frame, fill
from sidestep.report.plan import digest
from sidestep.report.plan.drawing import svg, tint, width
from sidestep.report.plan.html_figures import figures, tiles
from sidestep.report.plan.html_rows import rows
from sidestep.report.plan.manifests import as_yaml
from sidestep.report.plan.report import PlanReport
from sidestep.report.units import count, money

_FRAME = Frame("plan.html", ("grid.js", "plan.js"), ("page.css", "plan.css", "graph.css"))

_WIDEST_FITTED = 1_700
"""A picture of so many points at most is shrunk to the page; a wider one is scrolled."""


def render(report: PlanReport, _look: Look) -> str:
    """The page."""
    plan, drawn = report.plan, _drawn(report)
    told = {
        "plan": plan,
        "tiles": tiles(plan),
        "figures": figures(plan),
        "unmet": digest.unmet(plan),
        "exposures": [_exposure(each) for each in plan.exposures],
        "graph": drawn,
        "graph_fits": drawn and width(drawn) <= _WIDEST_FITTED,
        "waves": [_wave(plan, wave) for wave in digest.waves(plan)],
        "verdicts": digest.verdicts(plan),
        "words": [(title, texts) for title, texts in _words(plan) if texts],
    }
    return fill(_FRAME, told, rows(plan))


def _drawn(report: PlanReport) -> Markup:
    if not report.graph.edges:
        return Markup("")
    return Markup(svg(report.graph, report.plan, "Who calls whom, by wave"))  # noqa: S704 - its words are escaped


def _exposure(each: Exposure) -> dict[str, str]:
    policy = "" if each.policy is None else as_yaml(each.policy)
    return {"span": digest.span(each).capitalize(), "requests": each.requests, "policy": policy}


def _wave(plan: Plan, wave: Wave) -> dict[str, Any]:
    return {
        "number": wave.number,
        "title": wave.title,
        "color": tint(wave.number).color,
        "facts": tuple(_facts(plan, wave)),
        "constraints": tuple(digest.constraint(each) for each in wave.constraints),
        "workloads": tuple(map(str, wave.workloads)),
    }


def _facts(plan: Plan, wave: Wave) -> Iterator[str]:
    steps = digest.steps_of(plan, wave.number)
    yield count(len(steps), "step")
    yield f"{sum(reverse(step.effect) is not None for step in steps):,} with a way back"
    yield f"{count(wave.pods, 'pod')} restarted"
    if wave.owner:
        yield wave.owner
    if wave.money.saved is not None:
        word = "saved" if wave.money.saved >= 0 else "more"
        yield f"{money(abs(wave.money.saved), plan.currency)} a month {word} after it"


def _words(plan: Plan) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("Worth knowing", plan.advice), ("Taken for granted", plan.assumed))
