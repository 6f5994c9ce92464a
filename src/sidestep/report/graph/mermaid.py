"""A picture in Mermaid's language, which GitHub, GitLab and most wikis draw."""

from collections.abc import Iterator

from sidestep.report.graph.picture import Arrow, Node, Picture, Shape
from sidestep.report.units import UNSEEN

_BRACKETS = {
    Shape.WORKLOAD: ("[", "]"),
    Shape.GATEWAY: ("{{", "}}"),
    Shape.SERVICE: ("[[", "]]"),
    Shape.OUTSIDE: ("([", "])"),
    Shape.UNKNOWN: ("([", "])"),
    Shape.NAMESPACE: ("[", "]"),
}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-/()")


def lines(picture: Picture) -> Iterator[str]:
    """The lines of a flowchart; namespaces are subgraphs, what nobody saw is dotted."""
    yield "flowchart LR"
    grouped = picture.namespaces if picture.whole else ()
    for namespace in grouped:
        yield f'  subgraph s{Node(namespace, namespace, Shape.NAMESPACE).id}["{_text(namespace)}"]'
        yield from (f"    {_node(node)}" for node in picture.nodes if node.namespace == namespace)
        yield "  end"
    yield from (f"  {_node(node)}" for node in picture.nodes if node.namespace not in grouped)
    yield from (f"  {_arrow(arrow)}" for arrow in picture.arrows)


def _node(node: Node) -> str:
    opening, closing = _BRACKETS[node.shape]
    return f'{node.id}{opening}"{_text(node.label)}"{closing}'


def _arrow(arrow: Arrow) -> str:
    line = "-.->" if arrow.stroke.dashed else "-->"
    words = ", ".join(filter(None, (arrow.label, arrow.note)))
    label = f'|"{_text(words)}"|' if words else ""
    return f"{arrow.source.id} {line}{label} {arrow.target.id}"


def _text(text: str) -> str:
    """Anything but letters, digits and harmless marks by its number, as Mermaid wants it."""
    seen = " ".join(text.translate(UNSEEN).split())
    return "".join(letter if letter in _PLAIN else f"#{_code(letter)};" for letter in seen) or "#8203;"


def _code(letter: str) -> int:
    """Half a character has no number of its own."""
    return ord("\N{REPLACEMENT CHARACTER}") if "\ud800" <= letter <= "\udfff" else ord(letter)
