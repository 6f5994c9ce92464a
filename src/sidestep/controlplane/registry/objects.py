"""Objects as they are now, found by name and by what selects them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sidestep.controlplane.groups import Groups
from sidestep.errors import WorldError
from sidestep.model.build import known_kind
from sidestep.semantics.loose import as_dict, as_text

Tree = Mapping[str, Any]
Labels = Mapping[str, str]
EVERYWHERE = ""
"""The namespace of what selects in all."""


class Ref(NamedTuple):
    """Names an object: the key of its kind (`pods`), its namespace (empty without one) and name."""

    kind: str
    namespace: str
    name: str


SECRETS = "secrets"
"""No kind that a mesh is read from; gateways show what some hold."""


def ref_of(tree: Tree) -> Ref:
    """What names an object.

    Raises:
        WorldError: it is of no kind that we know, or has no name.
    """
    if tree.get("kind") == "Secret" and as_text(as_dict(tree.get("metadata")).get("name")):
        meta = as_dict(tree.get("metadata"))
        return Ref(SECRETS, as_text(meta.get("namespace")), as_text(meta.get("name")))
    kind = known_kind(as_text(tree.get("apiVersion")), as_text(tree.get("kind")))
    meta = as_dict(tree.get("metadata"))
    if kind is None or not as_text(meta.get("name")):
        raise WorldError(
            "an object of a known kind with a name was expected",
            where=f"{tree.get('kind')} {meta.get('name')}",
            remedy="watch only kinds that the control plane asked for",
        )
    return Ref(kind.key, as_text(meta.get("namespace")) if kind.namespaced else "", as_text(meta.get("name")))


class Selectors:
    """What selects by labels, found by the labels of what is selected.

    A selector stands under one of its pairs, so that only those are asked that may match.
    """

    def __init__(self) -> None:
        self._held: dict[Ref, tuple[str, Labels]] = {}
        self._by_pair: Groups[tuple[str, str, str], Ref] = Groups()

    def put(self, ref: Ref, namespace: str, selector: Labels | None) -> None:
        """What `ref` selects in a namespace (or `EVERYWHERE`); None for nothing."""
        old = self._held.pop(ref, None)
        if selector is not None:
            self._held[ref] = (namespace, dict(selector))
        self._by_pair.move(
            ref, _place(*old) if old else (), _place(namespace, selector) if selector is not None else ()
        )

    def taking(self, namespace: str, labels: Labels) -> list[Ref]:
        """All that select something with these labels in a namespace, in order."""
        keys = [(space, key, value) for space in {namespace, EVERYWHERE} for key, value in (("", ""), *labels.items())]
        found = (ref for key in keys for ref in self._by_pair.of(key))
        return sorted(ref for ref in found if self._held[ref][1].items() <= labels.items())


class Labelled:
    """What is selected by labels, found by selectors."""

    def __init__(self) -> None:
        self._held: dict[Ref, Labels] = {}
        self._by_pair: Groups[tuple[str, str, str], Ref] = Groups()

    def put(self, ref: Ref, labels: Labels | None) -> None:
        """The labels of an object; None for one that is gone."""
        old = self._held.pop(ref, None)
        if labels is not None:
            self._held[ref] = labels
        self._by_pair.move(ref, _places(ref, old), _places(ref, labels))

    def taken(self, namespace: str, selector: Labels | None) -> Iterator[Ref]:
        """What a selector takes in a namespace, or everywhere."""
        if selector is None:
            return iter(())
        pairs = [(namespace, key, value) for key, value in (("", ""), *selector.items())]
        fewest = min((self._by_pair.of(pair) for pair in pairs), key=len)
        return (ref for ref in fewest if selector.items() <= self._held[ref].items())


def _place(namespace: str, selector: Labels) -> Iterable[tuple[str, str, str]]:
    """The last pair by name: the first ones are often shared by all, like `app.kubernetes.io/managed-by`."""
    key, value = max(selector.items(), default=("", ""))
    return ((namespace, key, value),)


def _places(ref: Ref, labels: Labels | None) -> list[tuple[str, str, str]]:
    if labels is None:
        return []
    return [(space, key, value) for space in (ref.namespace, EVERYWHERE) for key, value in (("", ""), *labels.items())]
