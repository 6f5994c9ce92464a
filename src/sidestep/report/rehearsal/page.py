"""A rehearsal as a page: the verdict, a timeline of requests with the waves on it, every step."""

from collections.abc import Iterator
from html import escape
from typing import Any

from markupsafe import Markup

from sidestep.rehearse.result import Part, Rehearsal, Second
from sidestep.report.html.frame import Frame, fill
from sidestep.report.rehearsal.table import proxies, verdict

_FRAME = Frame("rehearsal.html", (), ("page.css", "bench.css", "rehearsal.css"))
_WIDTH, _HEIGHT, _WAVES = 1160, 220, 22
_LEFT, _BOTTOM = 44, 24
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
_MOST_TICKS = 24


def page(rehearsal: Rehearsal) -> str:
    """The page."""
    told = {
        "clean": rehearsal.clean,
        "verdict": list(verdict(rehearsal)),
        "source": rehearsal.source,
        "pods": rehearsal.pods,
        "picture": timeline(rehearsal),
        "parts": [_part(each) for each in rehearsal.parts],
        "wrong": rehearsal.wrong,
        "proxies": list(proxies(rehearsal)),
        "notes": (*rehearsal.merged, *rehearsal.left_out),
    }
    return fill(_FRAME, told, {})


def timeline(rehearsal: Rehearsal) -> Markup:
    """Requests by second, what was lost or admitted on top, and which wave it was."""
    seconds = rehearsal.timeline
    last = max((each.at for each in seconds), default=0) + 1
    most = max((each.counted.sent + each.counted.probed for each in seconds), default=1) or 1
    wide = (_WIDTH - _LEFT) / last
    body = "".join((*_waves(rehearsal, wide), *_bars(seconds, wide, most), *_ticks(last, wide), _scale(most)))
    head = f'<svg class="timeline" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Requests by second">'
    return Markup(f"{head}{body}</svg>")  # noqa: S704 - every text is escaped


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
    }
