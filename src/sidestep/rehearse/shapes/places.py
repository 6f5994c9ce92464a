"""Where an object, or a step, names something, and what: names, labels, hosts, principals; other texts are plain."""

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NamedTuple

import msgspec

Tree = dict[str, Any]
_REFERENCES = frozenset({
    "scaleTargetRef", "targetRef", "targetRefs", "backendRef", "backendRefs", "parentRefs", "object", "workload",
    "workloads",
})  # fmt: skip
_NAMED = _REFERENCES | {"metadata", "containers"}
_ACCOUNTS = frozenset({"serviceAccounts", "notServiceAccounts"})
_PRINCIPALS = frozenset({"principals", "notPrincipals"})
_HOSTS = frozenset({"host", "hosts"})
_SETS = _ACCOUNTS | _PRINCIPALS | _HOSTS | {"workloads"}
"""Lists whose order means nothing."""
_NEVER = frozenset({"namespace", "kind", "apiVersion", "type", "uid"})
"""Fields that name no workload, whatever they say."""
_LABELS = frozenset({"labels", "matchLabels", "selector"})
_PRINCIPAL = re.compile(r"(?P<before>(?:[^*]*/)?ns/)(?P<space>[^/*]+)(?P<between>/sa/)(?P<name>[^/*]+)")
_ACCOUNT = re.compile(r"(?P<before>)(?:(?P<space>[^/*]+)(?P<between>/))?(?P<name>[^/*]+)")
_HOST = re.compile(
    r"(?P<before>(?:[^/]*/)?)(?P<name>[a-z0-9-]+)(?P<between>\.?)(?:(?<=\.)(?P<space>[a-z0-9-]+)(?P<after>\.svc(?:\..+)?)?)?"
)
_WORD = re.compile(r"[\w-]+")


class Is(Enum):
    """What a text is."""

    NAME = auto()
    """Of an object, as a whole."""
    LABEL = auto()
    """The value of a label, or of one that is selected by."""
    NOTE = auto()
    """The value of an annotation: means something only where it is a name as a whole."""
    PLAIN = auto()
    """Anything else."""


class Place(NamedTuple):
    """A text, and what it is.

    Attributes:
        what: it is.
        text: a name, the value of a label, or all of it.
        space: namespace of what is named.
        key: of a label.
    """

    what: Is
    text: str
    space: str
    key: str = ""


Visit = Callable[[Place], str]


def mapped(tree: Tree, space: str, visit: Visit) -> Tree:
    """A copy in which every text is what `visit` makes of it; lists without an order are put in order.

    Args:
        tree: an object, or an effect of a step.
        space: namespace of names that say none.
        visit: told of each text.
    """
    found: Tree = _mapped(tree, (), space, visit)
    return found


def words(text: str) -> list[str]:
    """What might be a name in a plain text."""
    return _WORD.findall(text)


def _mapped(value: Any, path: tuple[str, ...], space: str, visit: Visit) -> Any:
    match value:
        case dict():
            told = value.get("namespace")
            own = told if isinstance(told, str) and path and path[-1] in _REFERENCES else space
            return {key: _mapped(each, (*path, str(key)), own, visit) for key, each in value.items()}
        case list() | tuple():
            found = [_mapped(each, path, space, visit) for each in value]
            return sorted(found, key=msgspec.json.encode) if path and path[-1] in _SETS else found
        case str():
            return _text(value, path, space, visit)
        case _:
            return value


def _text(value: str, path: tuple[str, ...], space: str, visit: Visit) -> str:
    last, up = path[-1] if path else "", path[-2] if len(path) > 1 else ""
    if last in _NEVER:
        return value
    if up in _LABELS:
        return visit(Place(Is.LABEL, value, space, last))
    if up == "annotations":
        return visit(Place(Is.NOTE, value, space))
    if last in {"serviceAccountName", "serviceAccount"} or (last == "name" and up in _NAMED):
        return visit(Place(Is.NAME, value, space))
    pattern = (
        _PRINCIPAL if last in _PRINCIPALS else _ACCOUNT if last in _ACCOUNTS else _HOST if last in _HOSTS else None
    )
    found = pattern.fullmatch(value) if pattern else None
    if found is None:
        return visit(Place(Is.PLAIN, value, space))
    name = visit(Place(Is.NAME, found["name"], found["space"] or space))
    return value[: found.start("name")] + name + value[found.end("name") :]
