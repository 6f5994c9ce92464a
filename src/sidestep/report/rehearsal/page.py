"""A rehearsal as a page: the verdict, a timeline of requests with the waves on it, every step."""

from collections.abc import Iterable, Iterator
from html import escape
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

from sidestep.actions.gates.judging import Answer
from sidestep.rehearse.result import Part, Phase, Rehearsal, Second, Used
from sidestep.report.html.frame import Frame, fill
from sidestep.report.rehearsal.words import agreement, figures, manner, verdict, windows

_FRAME = Frame("rehearsal.html", (), ("page.css", "bench.css", "rehearsal.css"))
_WIDTH, _HEIGHT, _WAVES = 1160, 220, 22
_LEFT, _BOTTOM = 44, 24
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
_MOST_TICKS = 24
_ANSWERS = {Answer.HOLDS: "holds", Answer.FAILS: "fails", Answer.NOT_YET: "cannot be told"}


def page(rehearsal: Rehearsal) -> str:
    """The page."""
    told = {
        "clean": rehearsal.clean,
        "lost": rehearsal.total.lost,
        "admitted": rehearsal.total.admitted,
        "verdict": list(verdict(rehearsal)),
        "source": rehearsal.source,
        "pods": rehearsal.pods,
        "picture": timeline(rehearsal),
        "latencies": latencies(rehearsal),
        "phases": [_phase(each) for each in rehearsal.phases],
        "roles": sorted({role for each in rehearsal.phases for role in each.used}),
        "gates": [
            {"wave": each.wave, "answer": _ANSWERS[each.answer], "bad": each.answer is Answer.FAILS, "told": each.told}
            for each in rehearsal.gates
        ],
        "faults": rehearsal.faults,
        "windows": list(windows(rehearsal)),
        "parts": [_part(each) for each in rehearsal.parts],
        "wrong": [(each, manner(each)) for each in rehearsal.wrong],
        "stand_ins": rehearsal.stand_ins,
        "figures": list(figures(rehearsal)),
        "notes": (*rehearsal.merged, *rehearsal.left_out),
    }
    return fill(_FRAME, told, {})


def timeline(rehearsal: Rehearsal) -> Markup:
    """Requests by second, what was lost or admitted on top, and which wave it was."""
    seconds = rehearsal.timeline
    last = max((each.at for each in seconds), default=0) + 1
    most = max((each.counted.sent + each.counted.probed for each in seconds), default=1) or 1
    wide = (_WIDTH - _LEFT) / last
    drawn = (*_waves(rehearsal, wide), *_bars(seconds, wide, most), *_marks(rehearsal, wide), *_ticks(last, wide))
    body = "".join((*drawn, _scale(most)))
    head = f'<svg class="timeline" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Requests by second">'
    return Markup(f"{head}{body}</svg>")  # noqa: S704 - every text is escaped


def latencies(rehearsal: Rehearsal) -> Markup:
    """Median and 99th percentile by second, on a logarithmic scale."""
    seconds = [each for each in rehearsal.timeline if each.counted.p99]
    if not seconds:
        return Markup("")
    last = max(each.at for each in rehearsal.timeline) + 1
    wide = (_WIDTH - _LEFT) / last
    most = max(each.counted.p99 for each in seconds) / 1000
    least = min(each.counted.p50 for each in seconds) / 1000
    scale = _Logarithmic(least, most, _HEIGHT - _BOTTOM, _WAVES)
    lines = "".join(
        f'<polyline class="{name}" points="{_points(seconds, wide, scale, name)}"/>' for name in ("p50", "p99")
    )
    body = "".join((*_waves(rehearsal, wide), *_marks(rehearsal, wide), *scale.lines(), lines, *_ticks(last, wide)))
    head = f'<svg class="timeline" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Latencies by second">'
    return Markup(f"{head}{body}</svg>")  # noqa: S704 - every text is escaped


class _Logarithmic:
    """Milliseconds to heights."""

    def __init__(self, least: float, most: float, bottom: float, top: float) -> None:
        self._first, self._last = floor(log10(max(least, 0.01))), ceil(log10(max(most, 0.02)))
        self._bottom, self._top = bottom, top

    def y(self, milliseconds: float) -> float:
        share = (log10(max(milliseconds, 0.01)) - self._first) / max(self._last - self._first, 1)
        return self._bottom - share * (self._bottom - self._top)

    def lines(self) -> Iterator[str]:
        for power in range(self._first, self._last + 1):
            y = self.y(10.0**power)
            yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text class="num soft" x="{_LEFT - 6}" y="{y + 4:.1f}">{10.0**power:g}</text>'


def _points(seconds: Iterable[Second], wide: float, scale: _Logarithmic, name: str) -> str:
    return " ".join(
        f"{_LEFT + (each.at + 0.5) * wide:.1f},{scale.y(getattr(each.counted, name) / 1000):.1f}" for each in seconds
    )


def _marks(rehearsal: Rehearsal, wide: float) -> Iterator[str]:
    """A line for each fault."""
    for each in rehearsal.faults:
        x = _LEFT + each.at * wide
        yield (
            f"<g><title>{escape(f'{each.fault} at {each.at:.1f} s: {each.told}')}</title>"
            f'<line class="fault" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_HEIGHT - _BOTTOM}"/></g>'
        )


def _bars(seconds: tuple[Second, ...], wide: float, most: int) -> Iterator[str]:
    room = _HEIGHT - _BOTTOM - _WAVES
    for each in seconds:
        counted = each.counted
        good = counted.sent - counted.lost + counted.probed - counted.admitted
        x, y = _LEFT + each.at * wide, float(_HEIGHT - _BOTTOM)
        told = f"{each.at} s: {counted.sent} sent, {counted.lost} lost, {counted.admitted} admitted"
        shapes = []
        for count, color in ((good, "good"), (counted.lost, "lost"), (counted.admitted, "admitted")):
            tall = count / most * room
            y -= tall
            if count:
                place = f'x="{x:.1f}" y="{y:.1f}" width="{max(wide - 1, 0.5):.1f}" height="{tall:.1f}"'
                shapes.append(f'<rect class="{color}" {place}/>')
        yield f"<g><title>{escape(told)}</title>{''.join(shapes)}</g>"


def _waves(rehearsal: Rehearsal, wide: float) -> Iterator[str]:
    """A strip for each wave, and for each that is taken back."""
    spans: dict[tuple[int, bool], list[float]] = {}
    for part in rehearsal.parts:
        if part.wave is not None:
            span = spans.setdefault((part.wave, part.back), [part.began, part.began])
            span[1] = max(span[1], part.began + part.seconds)
    for (wave, back), (first, last) in spans.items():
        x, width = _LEFT + first * wide, max((last - first) * wide, 3)
        name = f"{'back ' if back else 'wave '}{wave}"
        color, tall = "wave back" if back else "wave", _HEIGHT - _BOTTOM
        yield (
            f"<g><title>{name}: {first:.1f} to {last:.1f} s</title>"
            f'<rect class="{color}" x="{x:.1f}" y="0" width="{width:.1f}" height="{tall}"/>'
            f'<text class="wave" x="{x + 3:.1f}" y="14">{name if width > len(name) * 7 else ""}</text></g>'
        )


def _ticks(last: int, wide: float) -> Iterator[str]:
    step = next((each for each in _TICKS if last / each <= _MOST_TICKS), _TICKS[-1])
    for second in range(0, last + 1, step):
        yield f'<text class="soft tick" x="{_LEFT + second * wide:.1f}" y="{_HEIGHT - 6}">{second} s</text>'


def _scale(most: int) -> str:
    return f'<text class="num soft" x="{_LEFT - 6}" y="{_WAVES + 10}">{most:,}</text>'


def _part(part: Part) -> dict[str, Any]:
    counted = part.counted
    return {
        "at": f"{part.began:.1f} s",
        "name": ("back " if part.back else "") + part.name,
        "title": part.title,
        "took": f"{part.seconds:.1f} s",
        "sent": f"{counted.sent:,}",
        "lost": counted.lost,
        "admitted": counted.admitted,
        "p99": f"{counted.p99 / 1000:.1f}" if counted.p99 else "",
        "seen": part.failed or part.told,
        "failed": bool(part.failed),
        "foretold": agreement(part),
        "odd": bool(part.unforetold),
        "example": part.example,
    }


def _phase(phase: Phase) -> dict[str, Any]:
    counted = phase.counted
    return {
        "name": phase.name,
        "took": f"{phase.seconds:.1f} s",
        "sent": f"{counted.sent:,}",
        "lost": counted.lost,
        "admitted": counted.admitted,
        "p50": f"{counted.p50 / 1000:.1f}",
        "p99": f"{counted.p99 / 1000:.1f}",
        "used": {role: _spent(each) for role, each in phase.used.items()},
    }


def _spent(used: Used) -> tuple[str, str] | None:
    if not used.processes and not used.cores:
        return None
    return f"{used.cores * 1000:.0f}m CPU", f"{used.memory / 2**20:.0f} MiB, {used.processes} at last"
