"""A picture as SVG: one element that needs nothing else, neither script nor style sheet nor font.

Attributes instead of styles, so that it may stand in a page whose policy admits no inline style.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from math import log10

from msgspec import Struct

from sidestep.report.graph.layers import Layers, Pair, layers
from sidestep.report.graph.order import Columns, ordered
from sidestep.report.graph.picture import Arrow, Node, Picture, Shape
from sidestep.report.graph.place import heights
from sidestep.report.graph.widths import fitted
from sidestep.report.units import UNSEEN

_NODE_WIDTH, _NODE_HEIGHT = 196, 36
_NODE_ROOM, _BEND_ROOM = 48.0, 14.0
_GAP, _GAP_PER_LINK, _WIDEST_GAP = 84.0, 1.6, 260.0
_MARGIN = 24
_OFF = 0.22
"""Words stand so far from the middle of their arrow, towards the end where fewer meet; long ones have no room to."""
_PER_LETTER, _AROUND, _SHORT = 5.6, 36.0, 8
_MOST_RATES = 60
_LEGEND_ROW, _LEGEND_WIDTH, _MOST_TINTS = 22, 200, 24
COLORS = (
    "#2563eb", "#b45309", "#047857", "#7c3aed", "#be123c", "#0e7490",
    "#4d7c0f", "#a21caf", "#334155", "#c2410c", "#1d4ed8", "#6b4f1d",
)  # fmt: skip
_INK, _SOFT, _LINE, _CYCLE, _OUTSIDE = "#111827", "#4b5563", "#475569", "#c2410c", "#6b7280"
_NOT_XML = UNSEEN | dict.fromkeys((*range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}")
_ROUND = (Shape.OUTSIDE, Shape.UNKNOWN)
_UNCERTAIN = (Shape.OUTSIDE, Shape.UNKNOWN, Shape.SERVICE)
_CLOSES = (f'<path d="M0 6h22" stroke="{_CYCLE}" stroke-width="1.6"/>', "closes a cycle")
_DASHES = ' stroke-dasharray="5 4"'
_Point = tuple[float, float]
_FONT = 'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"'


class Tint(Struct, frozen=True):
    """What a colour of nodes means, and the colour in SVG's words."""

    word: str
    color: str


class _Place(Struct, frozen=True):
    """Where things stand: left edges of columns, the column and middle of each point, and the whole size."""

    lefts: Sequence[float]
    column: Mapping[int, int]
    middle: Mapping[int, float]
    width: float
    height: float


def svg(picture: Picture, name: str, tints: Mapping[Node, Tint] | None = None) -> str:
    """The picture as one `svg` element.

    Args:
        picture: what is drawn.
        name: what a screen reader says of it.
        tints: what colours nodes, in the order of the legend; their namespaces unless told otherwise.
    """
    tints = _by_namespace(picture) if tints is None else tints
    index = {node: number for number, node in enumerate(picture.nodes)}
    pairs = [(index[arrow.source], index[arrow.target]) for arrow in picture.arrows]
    found = layers(len(picture.nodes), pairs)
    columns = ordered(found, pairs)
    place = _placed(columns, len(picture.nodes), _room(picture))
    nodes = [_node(node, *_corner(number, place), tints) for node, number in index.items()]
    legend = [*_legend(picture, tints), *([_CLOSES] if _closes_cycle(picture, found, pairs) else [])]
    if not nodes:
        nodes = [f'<text x="{_MARGIN}" y="{_MARGIN + 12}" font-size="13" fill="{_SOFT}">No calls are known.</text>']
    rows = -(-len(legend) // _per_row(place.width))
    height = place.height + _MARGIN + rows * _LEGEND_ROW
    return "".join(
        [
            _head(place.width, height, name, _heads(picture)),
            *_arrows(picture, pairs, columns, place),
            *nodes,
            *_laid(legend, place),
            "</svg>\n",
        ]
    )


def _arrows(picture: Picture, pairs: Sequence[Pair], columns: Columns, place: _Place) -> Iterator[str]:
    """All arrows; those that run from right to left close a cycle, and so does a call of oneself."""
    ports = _ports(columns, place)
    calls, called = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    rates = len(picture.arrows) <= _MOST_RATES
    for arrow, pair in zip(picture.arrows, pairs, strict=True):
        points = _path(pair, columns, place, ports)
        if not points:
            yield _arrow(arrow, _loop(*_corner(pair[0], place)), None, closing=True)
            continue
        fans_out = calls[pair[0]] >= called[pair[1]]
        off = _OFF if len(arrow.words) <= _SHORT else 0.0
        at = _on_curve(points[-2:], 0.5 + off) if fans_out else _on_curve(points[:2], 0.5 - off)
        yield _arrow(arrow, _curve(points), at if rates else None, closing=points[0][0] > points[-1][0])


def _heads(picture: Picture) -> str:
    """Of arrows, in each of their colours."""
    own = sorted({arrow.stroke.color for arrow in picture.arrows} - {""})
    return "".join(
        f'<marker id="call-{_key(color)}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.6L8 4L0 7.4z" fill="{color}"/></marker>'
        for color in (_LINE, _CYCLE, *own)
    )


def _key(color: str) -> str:
    return {_LINE: "plain", _CYCLE: "cycle"}.get(color, color.strip("#"))


def _head(width: float, height: float, name: str, heads: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{_text(name)}" {_FONT}><title>{_text(name)}</title>'
        f'<defs>{heads}</defs><rect width="100%" height="100%" fill="#ffffff"/>'
    )


def _closes_cycle(picture: Picture, found: Layers, pairs: Sequence[Pair]) -> bool:
    """Whether an arrow is drawn as one that closes a cycle: those of a colour of their own are not."""
    drawn = zip(picture.arrows, pairs, strict=True)
    return any(not arrow.stroke.color and (pair in found.turned or pair[0] == pair[1]) for arrow, pair in drawn)


def _room(picture: Picture) -> float:
    """Between columns, that words on arrows fit into it."""
    shown = picture.arrows if len(picture.arrows) <= _MOST_RATES else ()
    return max(_GAP, _PER_LETTER * max((len(arrow.words) for arrow in shown), default=0) + _AROUND)


def _placed(columns: Columns, size: int, gap: float) -> _Place:
    middle = heights(columns, size, lambda point: _NODE_ROOM if point < size else _BEND_ROOM)
    column = {point: index for index, points in enumerate(columns.points) for point in points}
    crossing = [0] * len(columns.points)
    for left, _ in columns.links:
        crossing[column[left]] += 1
    lefts, at = [], float(_MARGIN)
    for links in crossing:
        lefts.append(at)
        at += _NODE_WIDTH + min(_WIDEST_GAP, gap + links * _GAP_PER_LINK)
    width = max((lefts or [0.0])[-1] + _NODE_WIDTH + 2 * _MARGIN, 3 * _LEGEND_WIDTH + 2 * _MARGIN)
    lowest = max((each for each in middle.values()), default=0.0)
    shifted = {point: each + _MARGIN for point, each in middle.items()}
    return _Place(lefts, column, shifted, width, lowest + _NODE_ROOM / 2 + 2 * _MARGIN)


def _corner(point: int, place: _Place) -> tuple[float, float]:
    return place.lefts[place.column[point]], place.middle[point] - _NODE_HEIGHT / 2


def _ports(columns: Columns, place: _Place) -> dict[tuple[int, Pair], float]:
    """How far from a node's middle each of its arrows begins or ends: in the order of where they lead or come from."""
    ends: dict[tuple[int, bool], list[tuple[float, Pair]]] = {}
    for pair, route in columns.routes.items():
        ends.setdefault((route[0], True), []).append((place.middle[route[1]], pair))
        ends.setdefault((route[-1], False), []).append((place.middle[route[-2]], pair))
    room = _NODE_HEIGHT - 8
    found: dict[tuple[int, Pair], float] = {}
    for (node, _), listed in ends.items():
        for at, (_, pair) in enumerate(sorted(listed), 1):
            found[node, pair] = room * at / (len(listed) + 1) - room / 2
    return found


def _path(pair: Pair, columns: Columns, place: _Place, ports: Mapping[tuple[int, Pair], float]) -> list[_Point]:
    """The points of an arrow from who calls to who is called, two for each point of its route but the ends."""
    route = columns.routes.get(pair)
    if route is None:
        return []
    first, last = route[0], route[-1]
    points = [(place.lefts[place.column[first]] + _NODE_WIDTH, place.middle[first] + ports[first, pair])]
    for bend in route[1:-1]:
        left = place.lefts[place.column[bend]]
        points += [(left, place.middle[bend]), (left + _NODE_WIDTH, place.middle[bend])]
    points.append((place.lefts[place.column[last]], place.middle[last] + ports[last, pair]))
    return points if first == pair[0] else points[::-1]


def _curve(points: Sequence[_Point]) -> str:
    """Curves between columns and straight lines across them."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for at, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
        half = (x1 + x2) / 2
        curve = f"C{half:.1f} {y1:.1f} {half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        parts.append(curve if at % 2 == 0 else f"L{x2:.1f} {y2:.1f}")
    return "".join(parts)


def _on_curve(ends: Sequence[_Point], part: float) -> _Point:
    """A point on the curve between two, `part` of the way along."""
    (x1, y1), (x2, y2) = ends
    half = (x1 + x2) / 2
    rest = 1 - part
    towards = 3 * rest * part * part + part**3
    return x1 * rest**3 + 3 * half * rest * part + x2 * part**3, y1 + (y2 - y1) * towards


def _loop(x: float, y: float) -> str:
    """Who calls itself: out of the top and back."""
    return f"M{x + _NODE_WIDTH - 46:.1f} {y:.1f}c2 -13 24 -13 26 0"


def _arrow(arrow: Arrow, path: str, middle: _Point | None, *, closing: bool) -> str:
    color = arrow.stroke.color or (_CYCLE if closing else _LINE)
    dashes = _DASHES if arrow.stroke.dashed else ""
    wide = 1.1 + min(2.6, log10(1 + (arrow.rate or 0.0)) * 0.8)
    line = (
        f'<path d="{path}" fill="none" stroke="{color}" stroke-opacity="0.75" stroke-width="{wide:.2f}"{dashes} '
        f'marker-end="url(#call-{_key(color)})"/>'
    )
    words = "".join(_words(text, middle, below) for below, text in enumerate((arrow.label, arrow.note)) if text)
    return f"<g><title>{_text(arrow.told)}</title>{line}{words}</g>"


def _words(text: str, middle: _Point | None, below: int) -> str:
    """On an arrow; nothing where there are too many of them."""
    if middle is None:
        return ""
    return (
        f'<text x="{middle[0]:.1f}" y="{middle[1] + 3.5 + 11 * below:.1f}" font-size="10" fill="{_SOFT}" '
        f'text-anchor="middle" stroke="#ffffff" stroke-width="3" paint-order="stroke">{_text(text)}</text>'
    )


def _by_namespace(picture: Picture) -> dict[Node, Tint]:
    tints = {name: Tint(name, COLORS[at % len(COLORS)]) for at, name in enumerate(picture.namespaces)}
    return {node: tints[node.namespace] for node in picture.nodes if node.namespace}


def _node(node: Node, x: float, y: float, tints: Mapping[Node, Tint]) -> str:
    color = tints[node].color if node in tints else _OUTSIDE
    dashes = ' stroke-dasharray="4 3"' if node.shape in _UNCERTAIN else ""
    round_by = _NODE_HEIGHT / 2 if node.shape in _ROUND else 5
    told = node.namespace if node.namespace != node.label else ""
    kind = node.kind if node.shape is Shape.WORKLOAD else str(node.shape)
    below = " · ".join(part for part in (told, kind) if part)
    left = x + (14 if node.shape in _ROUND else 12)
    room = _NODE_WIDTH - 2 * (left - x) + 6
    bar = "" if node.shape in _ROUND else f'<rect x="{x:.1f}" y="{y:.1f}" width="5" height="36" rx="2" fill="{color}"/>'
    return (
        f'<g><title>{_text(node.told)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{_NODE_WIDTH}" '
        f'height="{_NODE_HEIGHT}" rx="{round_by:g}" fill="#ffffff" stroke="{color}" stroke-width="1.3"{dashes}/>{bar}'
        f'<text x="{left:.1f}" y="{y + 15:.1f}" font-size="12" font-weight="600" fill="{_INK}">'
        f"{_text(fitted(node.label, room / 12))}</text>"
        f'<text x="{left:.1f}" y="{y + 28.5:.1f}" font-size="10" fill="{_SOFT}">'
        f"{_text(fitted(below, room / 9.4))}</text></g>"
    )


def _legend(picture: Picture, tints: Mapping[Node, Tint]) -> Iterator[tuple[str, str]]:
    """A sign, drawn from 0 to 22 by 0 to 12, and its word; only of what there is."""
    meant = list(dict.fromkeys(tints.values()))
    for tint in meant[:_MOST_TINTS]:
        yield f'<rect x="4" width="12" height="12" rx="3" fill="{tint.color}"/>', tint.word
    if len(meant) > _MOST_TINTS:
        yield "", f"and {len(meant) - _MOST_TINTS} more"
    for stroke in sorted({arrow.stroke for arrow in picture.arrows}, key=lambda each: (each.dashed, each.word)):
        dashes = _DASHES if stroke.dashed else ""
        yield f'<path d="M0 6h22" stroke="{stroke.color or _LINE}" stroke-width="1.6"{dashes}/>', stroke.word


def _laid(items: Sequence[tuple[str, str]], place: _Place) -> Iterator[str]:
    """The legend below the picture, row by row."""
    for at, (sign, word) in enumerate(items):
        row, column = divmod(at, _per_row(place.width))
        x, y = _MARGIN + column * _LEGEND_WIDTH, place.height + row * _LEGEND_ROW
        text = f'<text x="28" y="10.5" font-size="11" fill="{_SOFT}">{_text(fitted(word, 17.5))}</text>'
        yield f'<g transform="translate({x:.0f} {y:.0f})"><title>{_text(word)}</title>{sign}{text}</g>'


def _per_row(width: float) -> int:
    return max(1, int((width - 2 * _MARGIN) // _LEGEND_WIDTH))


def _text(text: str) -> str:
    return escape(text.translate(_NOT_XML))
