"""Give each change of an object to a file of a repository; what no file can take is told with its patch."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sidestep.convert.editing.chunks import is_json
from sidestep.convert.editing.document import edit_document, read_value
from sidestep.convert.editing.file import ObjectEdit, edit_file, new_file
from sidestep.convert.editing.operations import as_patch
from sidestep.convert.editing.written import Manner, lines
from sidestep.convert.repository.find import Finder
from sidestep.convert.repository.helm import UncertainError, charts_that_may_make, values_edits, with_value
from sidestep.convert.repository.kustomize import Kustomization, Kustomizations, patch_of, with_resources
from sidestep.convert.repository.names import file_name
from sidestep.convert.repository.transplant import ElsewhereError, transplant
from sidestep.convert.repository.values import Located, Placed, Repository, Unplaced, folder_of, relative_to
from sidestep.convert.rewrite import Change, ChangeKind, Tree
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import FileOrigin
from sidestep.model.resource import Resource

Standing = Callable[[ObjectId], Resource[Any] | None]


def place(repository: Repository, changes: Iterable[Change], standing: Standing) -> Placed:
    """What becomes of a repository's files.

    Args:
        repository: as it was read.
        changes: of objects.
        standing: objects as they are, by who they are.
    """
    work = _Work(repository, standing)
    for change in changes:
        work.change(change)
    return work.placed()


class _Refused(Exception):  # noqa: N818 - no error of anybody's
    """Why a change has no place, and where it would belong."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.where = where


class _Work:
    """What was decided so far."""

    def __init__(self, repository: Repository, standing: Standing) -> None:
        self._files = repository.files
        self._repository = repository
        self._standing = standing
        self._kustomizations = Kustomizations(repository)
        self._finder = Finder(repository, self._kustomizations)
        self._edits: dict[str, list[tuple[Change, ObjectEdit]]] = {}
        self._appended: dict[str, list[tuple[Change, Tree]]] = {}
        self._new: dict[str, tuple[Change, Tree]] = {}
        self._trees: dict[str, Tree] = {}
        self._by_tree: dict[str, list[Change]] = {}
        self._unplaced: list[Unplaced] = []

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
                self._list(each, path, added=False)
        for path, tree in self._trees.items():
            self._rewrite(path, tree, made)
        return Placed(made, tuple(self._unplaced))

    def _edit(self, path: str, made: dict[str, str | None]) -> None:
        edits, appended = self._edits.get(path, []), self._appended.get(path, [])
        try:
            made[path] = edit_file(self._files[path], [e for _, e in edits], [tree for _, tree in appended], path)
        except WorldError as error:
            for change, _ in [*edits, *appended]:
                self._refuse(change, error.message, error.where or path)

    def _rewrite(self, path: str, tree: Tree, made: dict[str, str | None]) -> None:
        """A kustomization, or values of a chart, that say something else."""
        text = self._files[path]
        try:
            made[path] = edit_document(text, read_value(text, path), tree, path)
        except WorldError as error:
            for change in self._by_tree.get(path, []):
                self._refuse(change, error.message, path)

    def _refuse(self, change: Change, reason: str, where: str) -> None:
        resource = self._standing(change.object)
        if change.manifest is None:
            patch = f"kubectl delete {change.object.kind} {change.object.name} -n {change.object.namespace}"
        elif resource is None:
            patch = "\n".join(lines(change.manifest, Manner()))
        else:
            patch = as_patch(resource.tree(), change.manifest)
        self._unplaced.append(Unplaced(change.object, where, reason, patch))

    def _alter(self, change: Change) -> None:
        resource = self._standing(change.object)
        if resource is None:
            raise _Refused("what stands there was not read")
        before = resource.tree()
        located = self._finder.at_origin(resource)
        if located is not None:
            self._take(located, change, change.manifest)
            return
        self._check_origin(resource)
        found = self._finder.rendered_from(change.object)
        if len(found) > 1:
            raise _Refused(f"{len(found)} files say it: {', '.join(sorted({each.path for each in found}))}")
        if not (found and self._transplanted(found[0], change, before)):
            self._at_tool(change, before, found)

    def _check_origin(self, resource: Resource[Any]) -> None:
        origin = resource.origin
        if not isinstance(origin, FileOrigin):
            return
        if self._finder.is_patch(origin.path):
            raise _Refused("what was read is only a patch of a kustomization: render it and convert that", origin.path)
        if origin.path in self._files:
            raise _Refused("the file says something else than was read", origin.path)

    def _transplanted(self, located: Located, change: Change, before: Tree) -> bool:
        """Whether the own file of a rendered object says the fields that change."""
        if change.manifest is None:
            self._take(located, change, None)
            return True
        try:
            self._take(located, change, transplant(located.tree, before, change.manifest))
        except ElsewhereError as error:
            if not self._kustomizations.above(located.path):
                raise _Refused(f"the file says {error} otherwise than what runs", located.path) from error
            return False
        return True

    def _take(self, located: Located, change: Change, after: Tree | None) -> None:
        edit = ObjectEdit(located.document, located.tree, after)
        self._edits.setdefault(located.path, []).append((change, edit))

    def _at_tool(self, change: Change, before: Tree, found: list[Located]) -> None:
        """A change of what Helm or Kustomize make."""
        templates = charts_that_may_make(self._repository, change.object) if not found else []
        if templates:
            self._at_chart(change, before, templates)
            return
        roots = self._kustomizations.roots(change.object.namespace)
        if found:
            above = self._kustomizations.above(found[0].path)
            roots = [each for each in roots if each in above]
        else:
            roots = [each for each in roots if self._kustomizations.makes_more(each)]
        if len(roots) != 1:
            places = ", ".join(sorted(each.path for each in roots))
            raise _Refused(
                f"several overlays may render it: {places}" if roots else "no file of the repository says it"
            )
        self._patch(roots[0], change, before)

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

    def _patch(self, root: Kustomization, change: Change, before: Tree) -> None:
        patch = patch_of(change.object, before, change.manifest)
        self._tree(root.path, change, lambda tree: {**tree, "patches": [*(tree.get("patches") or []), patch]})

    def _tree(self, path: str, change: Change | None, alter: Callable[[Tree], Tree]) -> None:
        tree = self._trees.get(path)
        self._trees[path] = alter(read_value(self._files[path], path) if tree is None else tree)
        if change is not None:
            self._by_tree.setdefault(path, []).append(change)

    def _add(self, change: Change) -> None:
        """An object that comes: beside the one that it was made from, or at the end of its file if that holds more."""
        tree = change.manifest or {}
        origin = self._origin_of(change)
        if origin is not None and not origin.alone and not is_json(self._files[origin.path]):
            self._appended.setdefault(origin.path, []).append((change, tree))
            return
        folder = folder_of(origin.path) if origin is not None else self._only_overlay(change).folder
        taken = [each.rpartition("/")[2] for each in (*self._files, *self._new) if folder_of(each) == folder]
        name = file_name(tree, self._finder.alone_in(folder), taken)
        path = f"{folder}/{name}" if folder else name
        self._new[path] = (change, tree)
        own = self._kustomizations.in_folder(folder)
        if own is not None and (origin is None or origin.path in own.takes):
            self._list(own, path, added=True)

    def _origin_of(self, change: Change) -> Located | None:
        resource = self._standing(change.origin)
        located = self._finder.at_origin(resource) if resource is not None else None
        found = [located] if located is not None else self._finder.rendered_from(change.origin)
        return found[0] if len(found) == 1 else None

    def _only_overlay(self, change: Change) -> Kustomization:
        roots = self._kustomizations.roots(change.object.namespace)
        if len(roots) != 1:
            raise _Refused("no file says what it was made from, so that its place cannot be told")
        return roots[0]

    def _list(self, kustomization: Kustomization, path: str, *, added: bool) -> None:
        """A file that comes into, or goes from, a kustomization."""
        come, gone = ([relative_to(kustomization.folder, path)], []) if added else ([], [path])
        alter = partial(with_resources, added=come, removed=gone, folder=kustomization.folder)
        self._tree(kustomization.path, None, alter)
