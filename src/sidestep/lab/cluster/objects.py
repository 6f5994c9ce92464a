"""Objects of the lab's cluster as Kubernetes writes them: trees, found by kind and name, with a version each."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.model.build import known_kind
from sidestep.model.kinds import Kind
from sidestep.semantics.loose import as_dict, as_dicts, as_text

Tree = dict[str, Any]


class Ref(Struct, frozen=True, order=True):
    """What names an object: the key of its kind (`deployments.apps`), its namespace and its name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Verb(StrEnum):
    """What happened to an object, in the words of Kubernetes' watches."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Change(Struct, frozen=True):
    """One thing that happened.

    Attributes:
        verb: what.
        ref: to which object.
        tree: as it is now; as it was last, for one that is gone. Nobody may change it.
        before: as it was; None for a new one.
        number: how many changes there were by then.
    """

    verb: Verb
    ref: Ref
    tree: Tree
    before: Tree | None = None
    number: int = 0


Listener = Callable[[Change], None]
Admission = Callable[[Ref, Tree, Tree | None], None]
"""Completes an object before it is stored: what it is called, as it will be, as it was."""


class Store:
    """All objects, and who wants to hear of changes.

    Trees that were stored are never changed: a change is a new tree, so that whoever holds one may compare.

    Args:
        now: the time, as RFC 3339.
    """

    def __init__(self, now: Callable[[], str]) -> None:
        self._now = now
        self._objects: dict[str, dict[tuple[str, str], Tree]] = {}
        self._listeners: list[Listener] = []
        self._admissions: list[Admission] = []
        self._untold: deque[Change] = deque()
        self._telling = False
        self._version = 0

    @property
    def changes(self) -> int:
        """How many there were."""
        return self._version

    def admit(self, admission: Admission) -> None:
        """Have objects completed before they are stored, as the API server's defaults do."""
        self._admissions.append(admission)

    def listen(self, listener: Listener) -> None:
        """Hear of every change from now on, in order: who changes something meanwhile is heard after that."""
        self._listeners.append(listener)

    def deafen(self, listener: Listener) -> None:
        """Hear no more."""
        self._listeners.remove(listener)

    def get(self, ref: Ref) -> Tree | None:
        """One object."""
        return self._objects.get(ref.kind, {}).get((ref.namespace, ref.name))

    def of(self, kind: Kind[Any] | str, namespace: str | None = None) -> Iterator[Tree]:
        """All objects of a kind, or those of one namespace, by name."""
        found = self._objects.get(kind if isinstance(kind, str) else kind.key, {})
        for (space, _), tree in sorted(found.items()):
            if namespace is None or space == namespace:
                yield tree

    def kinds(self) -> tuple[str, ...]:
        """Keys of kinds that have objects."""
        return tuple(sorted(key for key, found in self._objects.items() if found))

    def put(self, tree: Tree) -> Change | None:
        """Create or replace an object; None when nothing changes.

        What the cluster says of it (`status`, uid, time of creation) stays where the new tree leaves it out.

        Raises:
            UsageError: it has no kind or no name.
        """
        ref = ref_of(tree)
        before = self.get(ref)
        after = _copied(tree)
        meta = after.setdefault("metadata", {})
        if ref.namespace:
            meta["namespace"] = ref.namespace
        if before is not None:
            _inherit(after, before)
        else:
            meta["uid"] = _uid(ref, self._version)
            meta["creationTimestamp"] = meta.get("creationTimestamp") or self._now()
        for admission in self._admissions:
            admission(ref, after, before)
        if before is not None and _same(before, after):
            return None
        return self._store(Verb.MODIFIED if before is not None else Verb.ADDED, ref, after, before)

    def edit(self, ref: Ref, edit: Callable[[Tree], None]) -> Change | None:
        """Change an object as it is now; None when it is gone or nothing changes."""
        before = self.get(ref)
        if before is None:
            return None
        after = _copied(before)
        edit(after)
        return None if _same(before, after) else self._store(Verb.MODIFIED, ref, after, before)

    def remove(self, ref: Ref) -> Change | None:
        """Take an object away; None when it is not there."""
        tree = self._objects.get(ref.kind, {}).pop((ref.namespace, ref.name), None)
        if tree is None:
            return None
        self._version += 1
        return self._tell(Change(Verb.DELETED, ref, tree, tree, self._version))

    def _store(self, verb: Verb, ref: Ref, after: Tree, before: Tree | None) -> Change:
        self._version += 1
        after["metadata"]["resourceVersion"] = str(self._version)
        after["metadata"]["generation"] = _generation(after, before)
        self._objects.setdefault(ref.kind, {})[ref.namespace, ref.name] = after
        return self._tell(Change(verb, ref, after, before, self._version))

    def _tell(self, change: Change) -> Change:
        self._untold.append(change)
        if not self._telling:
            self._telling = True
            try:
                while self._untold:
                    self._tell_all(self._untold.popleft())
            finally:
                self._telling = False
        return change

    def _tell_all(self, change: Change) -> None:
        for listener in tuple(self._listeners):
            listener(change)


def ref_of(tree: Tree) -> Ref:
    """What names an object; `default` where a namespaced kind does not say its namespace.

    Raises:
        UsageError: it has no kind or no name.
    """
    api_version, kind = as_text(tree.get("apiVersion")), as_text(tree.get("kind"))
    meta = as_dict(tree.get("metadata"))
    name = as_text(meta.get("name"))
    if not api_version or not kind or not name:
        raise UsageError(
            "the object has no apiVersion, kind or metadata.name",
            where=f"{kind or 'object'} {name}".strip(),
            remedy="give all three",
        )
    namespace = as_text(meta.get("namespace"))
    known = known_kind(api_version, kind)
    if known is not None:
        return Ref(known.key, (namespace or "default") if known.namespaced else "", name)
    group = api_version.rpartition("/")[0]
    plural = kind.lower() + "s"
    return Ref(f"{plural}.{group}" if group else plural, namespace, name)


def meta_of(tree: Tree) -> Tree:
    """The metadata; empty where it is malformed."""
    return as_dict(tree.get("metadata"))


def spec_of(tree: Tree) -> Tree:
    """The spec; empty where it is malformed."""
    return as_dict(tree.get("spec"))


def status_of(tree: Tree) -> Tree:
    """The status; empty where there is none."""
    return as_dict(tree.get("status"))


def owner_of(tree: Tree) -> tuple[str, str]:
    """Kind and name of the controller; empty for none."""
    for each in as_dicts(meta_of(tree).get("ownerReferences")):
        if each.get("controller"):
            return as_text(each.get("kind")), as_text(each.get("name"))
    return "", ""


def digest(*parts: str, length: int = 10) -> str:
    """Letters and digits that are the same for the same parts."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()[:length]


def _uid(ref: Ref, version: int) -> str:
    text = digest(ref.kind, ref.namespace, ref.name, str(version), length=32)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _generation(after: Tree, before: Tree | None) -> int:
    """How often what is asked for has changed."""
    if before is None:
        return 1
    last = int(before["metadata"].get("generation", 1))
    return last if before.get("spec") == after.get("spec") else last + 1


def _inherit(after: Tree, before: Tree) -> None:
    meta, old = after["metadata"], before["metadata"]
    meta["uid"], meta["creationTimestamp"] = old["uid"], old["creationTimestamp"]
    meta["generation"] = old["generation"]
    if "status" in before and "status" not in after:
        after["status"] = _copied(before["status"])


def _copied(value: Any) -> Any:
    """A copy that shares no list and no mapping. `deepcopy` also looks for cycles, and takes ten times as long."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def _same(before: Tree, after: Tree) -> bool:
    return _versionless(before) == _versionless(after)


def _versionless(tree: Tree) -> Tree:
    meta = {key: value for key, value in meta_of(tree).items() if key != "resourceVersion"}
    return {**tree, "metadata": meta}
