"""Latencies as inline SVG: how they rise towards the slowest, and where most requests are."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from operator import itemgetter

from markupsafe import Markup

from sidestep.lab.agent.histogram import Histogram, middle

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 150, 14, 34
_SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995)
_TICKS = ((0.0, "0"), (0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"))
_NAME = 14
_ROW = 26
_LABEL = 150
_COLUMNS = 80
_LEAST_SHOWN = 0.08


def curves(latencies: Mapping[str, Histogram], name: str) -> Markup:
    """A line for each: latency by the share of requests that were at most so slow, both on logarithmic scales."""
    shown = {title: each for title, each in latencies.items() if each.buckets}
    low, high = _decades(list(shown.values()))
    body = [*_grid(low, high)]
    ends = _apart({title: _up(each.quantile(_SHARES[-1]), low, high) for title, each in shown.items()})
    for place, (title, each) in enumerate(shown.items()):
        points = [(_across(share), _up(each.quantile(share), low, high)) for share in _SHARES]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        told = f"{title}: p50 {each.quantile(0.5):,.0f} µs, p99 {each.quantile(0.99):,.0f} µs"
        color, right = f"curve-{place % 6}", points[-1][0] + 6
        body.append(
            f'<path class="curve {color}" d="{path}"><title>{escape(told)}</title></path>'
            f'<text class="end {color}" x="{right:.1f}" y="{ends[title]:.1f}">{escape(title)}</text>'
        )
    return _svg("".join(body), _HEIGHT, name)


def _apart(wanted: Mapping[str, float]) -> dict[str, float]:
    """Where names stand beside the ends of their lines, no two over each other."""
    placed: dict[str, float] = {}
    last = 0.0
    for title, y in sorted(wanted.items(), key=itemgetter(1)):
        last = placed[title] = max(y + 4, last + _NAME)
    return placed


def heat(latencies: Mapping[str, Histogram], name: str) -> Markup:
    """A strip for each: the darker, the more requests took so long; to the right slower, on a logarithmic scale."""
    shown = {title: each for title, each in latencies.items() if each.buckets}
    low, high = _decades(list(shown.values()))
    wide = (_WIDTH - _LABEL) / _COLUMNS
    body = []
    for index, (title, each) in enumerate(shown.items()):
        top = index * _ROW
        body.append(f'<text class="lab" x="{_LABEL - 10}" y="{top + 17}">{escape(title)}</text>')
        cells = _density(each, low, high)
        most = max(cells.values())
        for column, count in sorted(cells.items()):
            opacity = _LEAST_SHOWN + (1 - _LEAST_SHOWN) * (count / most) ** 0.5
            body.append(
                f'<rect class="heat" x="{_LABEL + column * wide:.1f}" y="{top + 3}" width="{wide:.1f}" height="20" '
                f'opacity="{opacity:.2f}"><title>{count:,} requests</title></rect>'
            )
    base = len(shown) * _ROW
    for decade in range(low, high + 1):
        x = _LABEL + (decade - low) / (high - low) * (_WIDTH - _LABEL)
        body.append(f'<text class="soft tick" x="{min(x, _WIDTH - 20):.1f}" y="{base + 16}">{_time(decade)}</text>')
    return _svg("".join(body), base + 22, name)


def _density(each: Histogram, low: int, high: int) -> dict[int, int]:
    cells: dict[int, int] = {}
    for bucket, count in each.buckets.items():
        where = (log10(max(middle(bucket), 1.0)) - low) / (high - low)
        column = min(max(int(where * _COLUMNS), 0), _COLUMNS - 1)
        cells[column] = cells.get(column, 0) + count
    return cells


def _decades(every: Sequence[Histogram]) -> tuple[int, int]:
    """Powers of ten of microseconds between which all are."""
    least = min((each.quantile(0.0) for each in every), default=1.0)
    most = max((each.quantile(_SHARES[-1]) for each in every), default=10.0)
    low = int(log10(max(least, 1.0)))
    return low, max(int(log10(max(most, 1.0))) + 1, low + 1)


def _grid(low: int, high: int) -> list[str]:
    lines = []
    for decade in range(low, high + 1):
        y = _up(10.0**decade, low, high)
        lines.append(f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="num soft" x="{_LEFT - 8}" y="{y + 4:.1f}">{_time(decade)}</text>')
    for share, title in _TICKS:
        x = _across(share)
        lines.append(f'<text class="soft tick" x="{x:.1f}" y="{_HEIGHT - 12}">{title}</text>')
    return lines


def _across(share: float) -> float:
    """The slowest tenth, hundredth and so on are as wide as each other."""
    return _LEFT + -log10(1 - share) / -log10(1 - _SHARES[-1]) * (_WIDTH - _LEFT - _RIGHT)


def _up(microseconds: float, low: int, high: int) -> float:
    part = (log10(max(microseconds, 1.0)) - low) / (high - low)
    return _TOP + (1 - part) * (_HEIGHT - _TOP - _BOTTOM)


def _time(decade: int) -> str:
    return ("1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s")[min(decade, 8)]


def _svg(body: str, height: int, name: str) -> Markup:
    head = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(name)}">'
    return Markup(f"{head}{body}</svg>")  # noqa: S704 - every text above is escaped
