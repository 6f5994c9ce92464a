"""Objects and steps, each with all that it names: who is touched by an exchange is found without asking everybody."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from enum import Enum, auto

import msgspec
from msgspec import Struct

from sidestep.plan.steps import Step
from sidestep.rehearse.shapes.exchange import Exchange
from sidestep.rehearse.shapes.members import Key, Member, key_of
from sidestep.rehearse.shapes.places import Is, Place, Tree, mapped, words
from sidestep.rehearse.shapes.telling import Telling

_POLICY = "NetworkPolicy"
_CONFIG = "ConfigMap"
_MANY = 24
"""Names from which on a thing is too large to be looked at for each of them before two are compared."""


class _As(Enum):
    """How something is named."""

    NAMED = auto()
    LABELLED = auto()
    ACROSS = auto()
    """By a label, from where pods of every namespace may be meant."""
    SAID = auto()
    """In a text of which it is not known what it means."""


_Atom = tuple[_As, str, str, str]


class Thing(Struct, frozen=True, eq=False):
    """An object or a step.

    Attributes:
        key: of an object; kind of effect, wave and id of a step.
        space: its namespace.
        tree: what of it tells.
        wave: of a step; None for an object.
    """

    key: Key
    space: str
    tree: Tree
    wave: int | None = None


class Things:
    """All of a mesh and of its plan.

    Args:
        objects: of the mesh.
        steps: of the plan.
        telling: what of them tells.
        root: namespace whose objects hold for all.
    """

    def __init__(self, objects: Iterable[Tree], steps: Iterable[Step], telling: Telling, root: str) -> None:
        self._root = root
        self._at: dict[_Atom, list[Thing]] = {}
        self._said: set[str] = set()
        self._across: set[tuple[str, str]] = set()
        self._crowded: set[int] = set()
        for tree in objects:
            key = key_of(tree)
            if key[0] != _CONFIG or key[1] == root:
                self._add(Thing(key, key[1], telling.object(tree)))
        for step in steps:
            effect = telling.effect(step.effect)
            space = str(effect.get("object", {}).get("namespace", "")) if isinstance(effect.get("object"), dict) else ""
            self._add(Thing((str(effect["type"]), str(step.wave), step.id), space, effect, step.wave))

    def touched(self, member: Member, exchanged: Exchange) -> list[Thing]:
        """What names that of a member which is exchanged, in order."""
        space = member.ref.namespace
        atoms: list[_Atom] = [(_As.NAMED, space, name, "") for name in member.names if (space, name) in exchanged.names]
        atoms += [
            (_As.LABELLED, *label)
            for key, value in member.labels.items()
            if (label := (space, key, value)) in exchanged.labels
        ]
        found = {id(thing): thing for atom in atoms for thing in self._at.get(atom, ())}
        return sorted(found.values(), key=lambda thing: thing.key)

    def sketch(self, member: Member, others: Collection[str]) -> Hashable:
        """What names a member and not many, with everybody in it unnamed: equal for all of one shape, and soon found.

        Args:
            member: as whom it is looked at.
            others: texts that may name somebody.
        """
        space = member.ref.namespace
        own = {(space, name): str(at) for at, name in enumerate(member.names) if name}
        atoms: list[_Atom] = [(_As.NAMED, *name, "") for name in own]
        near = {
            id(thing): thing for atom in atoms for thing in self._at.get(atom, ()) if id(thing) not in self._crowded
        }

        def visit(place: Place) -> str:
            if place.what is Is.PLAIN:
                return place.text
            if (place.space, place.text) in own:
                return f"={own[place.space, place.text]}"
            if place.what is Is.LABEL and member.labels.get(place.key) == place.text:
                return "="
            return "?" if place.text in others else place.text

        return frozenset(Counter(encoded(each, mapped(each.tree, each.space, visit)) for each in near.values()).items())

    def unclear(self, exchanged: Exchange) -> bool:
        """Whether something speaks of those who are exchanged of which it is not known what it means."""
        return not self._said.isdisjoint(exchanged.words) or not self._across.isdisjoint(exchanged.pairs_of_labels)

    def _add(self, thing: Thing) -> None:
        atoms: set[_Atom] = set()
        wide = thing.space in {self._root, ""} and thing.wave is None
        wide = wide or (thing.key[0] == _POLICY and "namespaceSelector" in str(thing.tree))

        def visit(place: Place) -> str:
            match place.what:
                case Is.LABEL:
                    atoms.add((_As.LABELLED, place.space, place.key, place.text))
                    atoms.add((_As.NAMED, place.space, place.text, ""))
                    if wide:
                        self._across.add((place.key, place.text))
                case Is.NAME:
                    atoms.add((_As.NAMED, place.space, place.text, ""))
                case Is.NOTE:
                    atoms.add((_As.NAMED, place.space, place.text, ""))
                    self._said.update(word for word in words(place.text) if word != place.text)
                case Is.PLAIN:
                    self._said.update(words(place.text))
            return place.text

        mapped(thing.tree, thing.space, visit)
        for atom in atoms:
            self._at.setdefault(atom, []).append(thing)
        if sum(atom[0] is _As.NAMED for atom in atoms) > _MANY:
            self._crowded.add(id(thing))


def encoded(thing: Thing, tree: Tree) -> bytes:
    """A thing, with what its tree became, to be compared."""
    return msgspec.json.encode({**tree, "wave in which": thing.wave}, order="sorted")
