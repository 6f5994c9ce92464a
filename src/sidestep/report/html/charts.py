"""Charts as inline SVG; colours come from the page's style, so that they follow light, dark and print."""

from collections.abc import Iterable, Sequence
from html import escape
from math import cos, pi, sin

from markupsafe import Markup
from msgspec import Struct

_WIDTH = 560
_ROW = 26
_LABEL = 150
_VALUE = 74
_LONGEST_LABEL = 21
_RADIUS = 62
_CENTRE = 82


class Bar(Struct, frozen=True):
    """A horizontal bar.

    Attributes:
        label: on its left.
        value: on its right, as people read it.
        parts: lengths of its parts with their classes, in the chart's unit.
        told: what a tooltip says.
    """

    label: str
    value: str
    parts: tuple[tuple[float, str], ...]
    told: str


class Share(Struct, frozen=True):
    """A part of a ring: its name, how many, and the class that colours it."""

    label: str
    count: int
    color: str


def bars(rows: Sequence[Bar], name: str) -> Markup:
    """Bars under each other, the longest as wide as there is room."""
    most = max((sum(length for length, _ in row.parts) for row in rows), default=0.0)
    scale = (_WIDTH - _LABEL - _VALUE) / most if most else 0.0
    lines = [_line(index, row, scale) for index, row in enumerate(rows)]
    body = "".join(lines) or '<text class="none" x="0" y="18">Nothing to show.</text>'
    return _svg(body, max(len(rows), 1) * _ROW + 2, name)


def ring(shares: Sequence[Share], name: str) -> Markup:
    """A ring of shares with its legend."""
    total = sum(share.count for share in shares)
    arcs, angle = [], -pi / 2
    for share in shares:
        turn = 2 * pi * share.count / total if total else 0.0
        if share.count:
            arcs.append(_arc(angle, turn, share))
        angle += turn
    middle = f'<text class="sum" x="{_CENTRE}" y="{_CENTRE + 6}">{total:,}</text>'
    return _svg("".join(arcs) + middle + "".join(_legend(shares, total)), 2 * _CENTRE, name)


def _legend(shares: Iterable[Share], total: int) -> Iterable[str]:
    for index, share in enumerate(shares):
        y = 28 + index * _ROW
        percent = f"{share.count / total:.0%}" if total else "0%"
        yield (
            f'<rect class="{share.color}" x="210" y="{y - 11}" width="12" height="12" rx="3"/>'
            f'<text x="232" y="{y}">{escape(share.label)}</text>'
            f'<text class="num" x="{_WIDTH - 80}" y="{y}">{share.count:,}</text>'
            f'<text class="num soft" x="{_WIDTH - 20}" y="{y}">{percent}</text>'
        )


def _arc(start: float, turn: float, share: Share) -> str:
    turn = min(turn, 2 * pi - 0.0001)
    x1, y1 = _CENTRE + _RADIUS * cos(start), _CENTRE + _RADIUS * sin(start)
    x2, y2 = _CENTRE + _RADIUS * cos(start + turn), _CENTRE + _RADIUS * sin(start + turn)
    path = f"M{x1:.2f} {y1:.2f}A{_RADIUS} {_RADIUS} 0 {int(turn > pi)} 1 {x2:.2f} {y2:.2f}"
    told = escape(f"{share.label}: {share.count:,}")
    return f'<path class="arc {share.color}" d="{path}"><title>{told}</title></path>'


def _line(index: int, row: Bar, scale: float) -> str:
    top, base = index * _ROW + 5, index * _ROW + 17
    shapes, left = [], float(_LABEL)
    for length, color in row.parts:
        wide = max(length * scale, 0.0)
        shapes.append(f'<rect class="{color}" x="{left:.1f}" y="{top}" width="{wide:.1f}" height="16" rx="2"/>')
        left += wide
    short = row.label if len(row.label) <= _LONGEST_LABEL else row.label[: _LONGEST_LABEL - 1] + "…"
    return (
        f'<g tabindex="0" role="img" aria-label="{escape(row.told)}" data-why="{escape(row.told)}">'
        f'<rect class="row" x="0" y="{index * _ROW}" width="{_WIDTH}" height="{_ROW}"/>'
        f'<text class="lab" x="{_LABEL - 10}" y="{base}">{escape(short)}</text>{"".join(shapes)}'
        f'<text class="num" x="{_WIDTH - 4}" y="{base}">{escape(row.value)}</text></g>'
    )


def _svg(body: str, height: int, name: str) -> Markup:
    head = f'<svg viewBox="0 0 {_WIDTH} {height}" role="group" aria-label="{escape(name)}">'
    return Markup(f"{head}{body}</svg>")  # noqa: S704 - every text above is escaped
