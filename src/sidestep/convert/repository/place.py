"""Give each change of an object to a file of a repository; what no file can take is told with its patch."""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.editing.chunks import is_json
from sidestep.convert.editing.document import edit_document, read_value
from sidestep.convert.editing.file import ObjectEdit, edit_file, new_file
from sidestep.convert.editing.operations import as_patch, changed_fields
from sidestep.convert.editing.written import Manner, lines
from sidestep.convert.ledger import key_of
from sidestep.convert.repository.find import Finder, Standing
from sidestep.convert.repository.helm import UncertainError, charts_that_may_make, values_edits, with_value
from sidestep.convert.repository.kustomize import Kustomization, Kustomizations, Way, with_resources
from sidestep.convert.repository.names import file_name, habit
from sidestep.convert.repository.pairs import Turned, paired
from sidestep.convert.repository.patches import entry_of
from sidestep.convert.repository.together import torn
from sidestep.convert.repository.transplant import ElsewhereError, transplant
from sidestep.convert.repository.values import Located, Placed, Repository, Unplaced, folder_of, relative_to
from sidestep.convert.repository.ways import called_in, names_on, overridden, says_otherwise, spoils, undone
from sidestep.convert.rewrite import Change, ChangeKind, Tree
from sidestep.errors import WorldError
from sidestep.model.metadata import DEFAULT_NAMESPACE, ObjectId
from sidestep.model.origin import FileOrigin
from sidestep.model.resource import Resource

Known = Callable[[ObjectId], Resource[Any] | None]
_RENDERED = "convert what is rendered, and name this folder with --repository"
_ONE = "name the folder of one with --repository"


def place(repository: Repository, changes: Iterable[Change], standing: Known) -> Placed:
    """What becomes of a repository's files; what holds only together is made together, or left to be done by hand.

    Args:
        repository: as it was read.
        changes: of objects.
        standing: objects as they are, by who they are.
    """
    kustomizations = Kustomizations(repository)
    finder = Finder(repository, kustomizations)
    made, held = list(changes), list[Unplaced]()
    while True:
        work = _Work(repository, standing, kustomizations, finder)
        for each in paired(made):
            work.change(each) if isinstance(each, Change) else work.turn(each)
        placed = work.placed()
        alone = torn(made, (*placed.unplaced, *held))
        if not alone:
            absent, unplaced = tuple(kustomizations.absent), (*placed.unplaced, *held)
            return replace(placed, unplaced=unplaced, absent=absent, unread=kustomizations.unread)
        for change, cause in alone:
            reason = f"it belongs to what is to be done by hand with {cause.object}: {cause.reason}"
            held.append(_by_hand(change, reason, cause.where, standing))
        gone = {key_of(change.object) for change, _ in alone}
        made = [each for each in made if key_of(each.object) not in gone]


class _Refused(Exception):  # noqa: N818 - no error of anybody's
    """Why a change has no place, and where it would belong."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.where = where


class _Spot(Struct, frozen=True):
    """Where an object that comes has its place.

    Attributes:
        folder: for a file of its own.
        listing: the kustomization that has to list that file.
        located: the object beside which it comes, if that is in the same kustomization.
        ways: that it will go.
    """

    folder: str
    listing: Kustomization | None = None
    located: Located | None = None
    ways: tuple[Way, ...] = ()


class _Work:
    """What was decided so far."""

    def __init__(self, repository: Repository, standing: Known, kustomizations: Kustomizations, finder: Finder) -> None:
        self._files = repository.files
        self._repository = repository
        self._standing = standing
        self._kustomizations = kustomizations
        self._finder = finder
        self._habit = cache(lambda folder: habit(self._finder.alone_in(folder)))
        self._taken: dict[str, set[str]] = {}
        for path in self._files:
            self._taken.setdefault(folder_of(path), set()).add(path.rpartition("/")[2])
        self._edits: dict[str, list[tuple[tuple[Change, ...], ObjectEdit]]] = {}
        self._appended: dict[str, list[tuple[Change, Tree]]] = {}
        self._new: dict[str, tuple[Change, Tree]] = {}
        self._trees: dict[str, Tree] = {}
        self._by_tree: dict[str, list[Change]] = {}
        self._listed: dict[str, list[str]] = {}
        self._unplaced: list[Unplaced] = []
        self._unlike = ""

    def change(self, change: Change) -> None:
        try:
            if change.kind is ChangeKind.ADD:
                self._add(change)
            else:
                self._alter(change)
        except _Refused as refusal:
            self._refuse(change, str(refusal), refusal.where)

    def placed(self) -> Placed:
        """All files together."""
        made: dict[str, str | None] = {}
        for path in sorted({*self._edits, *self._appended}):
            self._edit(path, made)
        for path, (_, tree) in self._new.items():
            made[path] = new_file([tree])
        for path in [path for path, text in made.items() if text is None]:
            for each in self._kustomizations.listing(path):
                self._list(each, path, [change for those, _ in self._edits[path] for change in those], added=False)
        for path, tree in self._trees.items():
            self._rewrite(path, tree, made)
        return Placed(made, tuple(self._unplaced), self._unlike)

    def _edit(self, path: str, made: dict[str, str | None]) -> None:
        edits, appended = self._edits.get(path, []), self._appended.get(path, [])
        try:
            added, values = [tree for _, tree in appended], self._finder.values(path)
            made[path] = edit_file(self._files[path], [edit for _, edit in edits], added, path, values)
        except WorldError as error:
            refused = [*(each for those, _ in edits for each in those), *(each for each, _ in appended)]
            for change in refused:
                self._refuse(change, error.message, error.where or path)

    def _rewrite(self, path: str, tree: Tree, made: dict[str, str | None]) -> None:
        """A kustomization, or values of a chart, that say something else; else nothing that hangs on it is written."""
        text = self._files[path]
        try:
            made[path] = edit_document(text, read_value(text, path), tree, path)
        except WorldError as error:
            for change in self._by_tree.get(path, []):
                self._refuse(change, error.message, path)
            for listed in self._listed.get(path, []):
                made.pop(listed, None)

    def _refuse(self, change: Change, reason: str, where: str) -> None:
        self._unplaced.append(_by_hand(change, reason, where, self._standing))

    def turn(self, turned: Turned) -> None:
        """In the place of the one that goes, so that its comments stay; each by itself where that cannot be."""
        spot = self._spot_of_both(turned)
        if spot is None:
            self.change(turned.added)
            self.change(turned.removed)
        else:
            self._take(*spot)

    def _spot_of_both(self, turned: Turned) -> tuple[Located, tuple[Change, ...], Tree] | None:
        """The object that goes, and what its file must say; None where that is not certain to be rendered."""
        removed, added = turned.removed, turned.added
        resource, spot = self._standing(removed.object), self._spot_or_none(removed)
        if resource is None or spot is None or spot.located is None or added.manifest is None:
            return None
        if self._finder.told_again(spot.located, removed.object):
            return None
        kind, name = removed.object.kind, spot.located.tree["metadata"]["name"]
        if any(
            spoils(way, added.object) or overridden(way, kind, names_on(way, kind, name), ("",)) for way in spot.ways
        ):
            return None
        try:
            manifest = _homed(added.manifest, spot.located, removed.object)
            return spot.located, (removed, added), transplant(spot.located.tree, resource.tree(), manifest)
        except ElsewhereError:
            return None

    def _spot_or_none(self, change: Change) -> _Spot | None:
        try:
            return self._spot(change)
        except _Refused:
            return None

    def _alter(self, change: Change) -> None:
        resource = self._standing(change.object)
        if resource is None:
            raise _Refused("what stands there was not read")
        located = self._finder.at_origin(resource)
        if located is not None:
            self._check_rendered_alike(located)
            self._check_told_once(located, change)
            self._transplant(located, change, resource.tree())
            return
        self._check_origin(resource)
        found = self._finder.rendered_from(change.object)
        if len(found) > 1:
            raise _Refused(f"{len(found)} files say it: {', '.join(sorted({each.located.path for each in found}))}")
        if found:
            self._alter_rendered(found[0], change, resource.tree())
        else:
            self._at_tool(change, resource.tree())

    def _check_told_once(self, located: Located, change: Change) -> None:
        """What one file says alone: the next run would take the other one's word, and change it again."""
        others = self._finder.told_again(located, change.object)
        if others:
            places = ", ".join(sorted({each.path for each in (located, *others)}))
            raise _Refused(f"it is said {len(others) + 1} times: {places}; leave one of them, or convert them apart")

    def _check_rendered_alike(self, located: Located) -> None:
        """Who reads files that kustomizations change has not read what runs."""
        told = (says_otherwise(way, located.tree) for way in self._finder.ways(located.path))
        if reason := next(filter(None, told), ""):
            self._unlike = self._unlike or f"{located.path}: {reason}"
            raise _Refused(f"{reason}: {_RENDERED}", located.path)

    def _check_origin(self, resource: Resource[Any]) -> None:
        origin = resource.origin
        if not isinstance(origin, FileOrigin):
            return
        if self._finder.is_patch(origin.path):
            raise _Refused(f"what was read is only a patch of a kustomization: {_RENDERED}", origin.path)
        if origin.path in self._files:
            raise _Refused("the file says something else than was read", origin.path)

    def _alter_rendered(self, standing: Standing, change: Change, before: Tree) -> None:
        """In the own file where that changes nothing else that is rendered; else by a patch of the overlay."""
        located = standing.located
        if not standing.ways:
            self._transplant(located, change, before)
            return
        way = _only_way(standing.ways)
        kind, names = change.object.kind, names_on(way, change.object.kind, located.tree["metadata"]["name"])
        fields = changed_fields(before, change.manifest)
        is_free = not (standing.others or overridden(way, kind, names, fields) or undone(way, kind, names, fields))
        try:
            if is_free:
                self._transplant(located, change, before)
        except _Refused:
            is_free = False
        if not is_free:
            self._patch(way, change, before, located)

    def _transplant(self, located: Located, change: Change, before: Tree) -> None:
        """The change, in what the own file of an object says."""
        try:
            after = None if change.manifest is None else transplant(located.tree, before, change.manifest)
        except ElsewhereError as error:
            raise _Refused(f"the file says {error} otherwise than what runs", located.path) from error
        self._take(located, (change,), after)

    def _take(self, located: Located, changes: tuple[Change, ...], after: Tree | None) -> None:
        edit = ObjectEdit(located.document, located.tree, after)
        self._edits.setdefault(located.path, []).append((changes, edit))

    def _at_tool(self, change: Change, before: Tree) -> None:
        """A change of what Helm or Kustomize make, and no file says."""
        templates = charts_that_may_make(self._repository, change.object)
        if templates:
            self._at_chart(change, before, templates)
            return
        ways = self._kustomizations.outermost(change.object.namespace)
        ways = [each for each in ways if self._kustomizations.makes_more(each.root)]
        if not ways:
            raise _Refused("no file of the repository says it")
        self._patch(_only_way(ways), change, before, None)

    def _at_chart(self, change: Change, before: Tree, templates: list[tuple[str, Any]]) -> None:
        chart, template = templates[0]
        if len(templates) > 1:
            places = ", ".join(sorted({each.path for _, each in templates}))
            raise _Refused(f"several templates may make it: {places}", chart)
        if change.manifest is None:
            raise _Refused("a template of a chart makes it", template.path)
        try:
            edits = values_edits(self._repository, chart, template, before, change.manifest)
        except UncertainError as error:
            raise _Refused(f"a chart makes it, and {error}", template.path) from error
        for edit in edits:
            self._tree(edit.path, change, partial(with_value, keys=edit.keys, value=edit.value))

    def _patch(self, way: Way, change: Change, before: Tree, located: Located | None) -> None:
        """By a patch of the outermost kustomization."""
        meta = located.tree["metadata"] if located is not None else {}
        own = (str(meta["name"]), str(meta.get("namespace") or "")) if located is not None else None
        called = called_in(way, change.object, own)
        if called is None:
            raise _Refused(f"{way.root.path} gives other names", way.root.path)
        names = names_on(way, called.kind, own[0]) if own is not None else (called.name, change.object.name)
        if reason := undone(way, called.kind, names, changed_fields(before, change.manifest)):
            raise _Refused(reason, way.root.path)
        patch = entry_of(called, before, change.manifest)
        self._tree(way.root.path, change, lambda tree: {**tree, "patches": [*(tree.get("patches") or []), patch]})

    def _tree(self, path: str, change: Change, alter: Callable[[Tree], Tree]) -> None:
        tree = self._trees.get(path)
        self._trees[path] = alter(read_value(self._files[path], path) if tree is None else tree)
        self._by_tree.setdefault(path, []).append(change)

    def _add(self, change: Change) -> None:
        """An object that comes: beside the one that it was made from, or at the end of its file if that holds more."""
        tree, spot = change.manifest or {}, self._spot(change)
        if reason := next(filter(None, (spoils(way, change.object) for way in spot.ways)), ""):
            raise _Refused(reason, spot.folder)
        beside = spot.located
        tree = tree if beside is None else _homed(tree, beside, change.origin)
        if beside is not None and not is_json(self._files[beside.path]) and (not beside.alone or len(self._files) == 1):
            self._appended.setdefault(beside.path, []).append((change, tree))
            return
        name = file_name(tree, self._habit(spot.folder), self._taken.get(spot.folder, set()))
        path = f"{spot.folder}/{name}" if spot.folder else name
        self._taken.setdefault(spot.folder, set()).add(name)
        self._new[path] = (change, tree)
        if spot.listing is not None:
            self._list(spot.listing, path, [change], added=True)

    def _spot(self, change: Change) -> _Spot:
        resource = self._standing(change.origin)
        located = self._finder.at_origin(resource) if resource is not None else None
        if located is not None:
            self._check_rendered_alike(located)
            ways = tuple(self._finder.ways(located.path))
            return _beside(located, ways, ways[0].steps[0] if ways else None)
        found = self._finder.rendered_from(change.origin)
        if len(found) != 1:
            return self._spot_of_nothing(change)
        standing = found[0]
        if not standing.ways:
            return _beside(standing.located, (), None)
        way = _only_way(standing.ways)
        if standing.others:
            return _Spot(way.root.folder, way.root, None, (way,))
        return _beside(standing.located, (way,), way.steps[0])

    def _spot_of_nothing(self, change: Change) -> _Spot:
        """The only overlay for its namespace; in a repository without any, the folder itself."""
        ways = self._kustomizations.outermost(change.object.namespace)
        if not ways and not self._kustomizations.exist:
            return _Spot(self._repository.home)
        if len(ways) != 1:
            raise _Refused("no file says what it was made from, so that its place cannot be told")
        return _Spot(ways[0].root.folder, ways[0].root, None, tuple(ways))

    def _list(self, kustomization: Kustomization, path: str, changes: list[Change], *, added: bool) -> None:
        """A file that comes into, or goes from, a kustomization."""
        come, gone = ([relative_to(kustomization.folder, path)], []) if added else ([], [path])
        alter = partial(with_resources, added=come, removed=gone, folder=kustomization.folder)
        for change in changes:
            self._tree(kustomization.path, change, lambda tree: tree)
        self._trees[kustomization.path] = alter(self._trees[kustomization.path])
        self._listed.setdefault(kustomization.path, []).append(path)


def _by_hand(change: Change, reason: str, where: str, standing: Known) -> Unplaced:
    """A change without a place, as people would make it."""
    resource = standing(change.object)
    if change.manifest is None:
        patch = f"kubectl delete {change.object.kind} {change.object.name} -n {change.object.namespace}"
    elif resource is None:
        patch = "\n".join(lines(change.manifest, Manner()))
    else:
        patch = as_patch(resource.tree(), change.manifest)
    return Unplaced(change.object, where, reason, patch)


def _beside(located: Located, ways: tuple[Way, ...], listing: Kustomization | None) -> _Spot:
    """In the folder of an object, or of the kustomization that lists it from elsewhere."""
    folder = folder_of(located.path)
    if listing is not None and listing.folder != folder:
        return _Spot(listing.folder, listing, located, ways)
    return _Spot(folder, listing, located, ways)


def _homed(tree: Tree, beside: Located, neighbour: ObjectId) -> Tree:
    """An object that comes as its neighbour stands: beside one that names no namespace, wherever that is applied."""
    meta = tree.get("metadata") or {}
    places = {str(meta.get("namespace")), neighbour.namespace}
    if places != {DEFAULT_NAMESPACE} or beside.tree["metadata"].get("namespace"):
        return tree
    return {**tree, "metadata": {name: value for name, value in meta.items() if name != "namespace"}}


def _only_way(ways: Iterable[Way]) -> Way:
    found = list(ways)
    if len(found) != 1:
        places = ", ".join(sorted({each.root.path for each in found}))
        raise _Refused(f"several overlays may render it: {places}; {_ONE}")
    return found[0]
