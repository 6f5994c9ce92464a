"""Charts as inline SVG; colours come from the page's style, so that they follow light, dark and print."""

from collections.abc import Sequence
from html import escape
from math import cos, pi, sin

from markupsafe import Markup

from sidestep.report.units import money

_WIDTH = 460
_ROW = 24
_LABEL = 150
_VALUE = 70
_LONGEST_LABEL = 22


def stacked(rows: Sequence[tuple[str, float, float]], currency: str) -> Markup:
    """Horizontal bars of a whole with the part of it that is used: label, part, whole."""
    most = max((whole for _, _, whole in rows), default=0.0)
    lines = []
    for index, (label, part, whole) in enumerate(rows):
        scale = (_WIDTH - _LABEL - _VALUE) / most if most else 0
        told = f"{label}: {money(whole, currency)} requested, {money(part, currency)} used"
        shapes = _bar(index, whole * scale, "c1") + (_bar(index, min(part, whole) * scale, "c2") if part else "")
        lines.append(_line(index, label, money(whole, currency), shapes, told))
    return _svg(lines, len(rows), "Cost by namespace")


def bars(rows: Sequence[tuple[str, float | None]], currency: str) -> Markup:
    """Horizontal bars; a figure that nobody measured is a dash."""
    most = max((value for _, value in rows if value), default=0.0)
    lines = []
    for index, (label, value) in enumerate(rows):
        length = (value or 0) * (_WIDTH - _LABEL - _VALUE) / most if most else 0
        shape = _bar(index, length, "c3" if label.startswith("ambient") else "c1")
        lines.append(_line(index, label, money(value, currency), shape, f"{label}: {money(value, currency)} a month"))
    return _svg(lines, len(rows), "Money per month")


def ring(shares: Sequence[tuple[str, int]]) -> Markup:
    """A ring of shares with its legend."""
    total = sum(count for _, count in shares)
    arcs, legend, angle = [], [], -pi / 2
    for index, (label, count) in enumerate(shares):
        turn = 2 * pi * count / total if total else 0
        if count:
            arcs.append(_arc(angle, turn, index + 1, f"{label}: {count:,}"))
        angle += turn
        share = f"{count / total:.0%}" if total else "0%"
        y = 32 + index * _ROW
        legend.append(
            f'<rect class="c{index + 1}" x="220" y="{y - 10}" width="12" height="12" rx="2"/>'
            f'<text x="240" y="{y}">{escape(label)}</text><text class="num" x="440" y="{y}">{count:,} · {share}</text>'
        )
    body = "".join(arcs) + "".join(legend)
    return Markup(f'<svg viewBox="0 0 {_WIDTH} 190" role="img" aria-label="Pods by data plane">{body}</svg>')  # noqa: S704


def _arc(start: float, turn: float, color: int, told: str) -> str:
    radius, x, y = 68, 100, 95
    turn = min(turn, 2 * pi - 0.0001)
    x1, y1 = x + radius * cos(start), y + radius * sin(start)
    x2, y2 = x + radius * cos(start + turn), y + radius * sin(start + turn)
    large = 1 if turn > pi else 0
    path = f"M{x1:.2f} {y1:.2f}A{radius} {radius} 0 {large} 1 {x2:.2f} {y2:.2f}"
    return f'<path class="arc s{color}" d="{path}"><title>{escape(told)}</title></path>'


def _bar(index: int, length: float, color: str) -> str:
    return (
        f'<rect class="{color}" x="{_LABEL}" y="{index * _ROW + 5}" width="{max(length, 0):.1f}" height="14" rx="2"/>'
    )


def _line(index: int, label: str, value: str, shapes: str, told: str) -> str:
    y = index * _ROW + 16
    short = label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
    return (
        f"<g><title>{escape(told)}</title>"
        f'<text class="lab" x="{_LABEL - 8}" y="{y}">{escape(short)}</text>{shapes}'
        f'<text class="num" x="{_WIDTH - 2}" y="{y}">{escape(value)}</text></g>'
    )


def _svg(lines: list[str], rows: int, name: str) -> Markup:
    height = max(rows, 1) * _ROW + 4
    body = "".join(lines) or '<text x="0" y="16">nothing to show</text>'
    return Markup(f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(name)}">{body}</svg>')  # noqa: S704
