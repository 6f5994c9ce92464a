"""Dashboards and rule files that are no objects: plain files beside the manifests, which other tools load."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.convert.policies.readers import everybody, is_ambient
from sidestep.convert.promql.documents import in_text, tree_in
from sidestep.convert.promql.recorded import Indirect, asking, recorded_in
from sidestep.convert.promql.unanswered import Asking, query_losses
from sidestep.convert.rewrite import Context, Loss
from sidestep.convert.rules.query import CODE, recorded
from sidestep.model.metadata import ObjectId

KIND = "File"
"""Stands where the kind of an object would."""
_HEAD = 4096
_OBJECT = re.compile(r'^\s*(?:apiVersion|kind):|"(?:apiVersion|kind)"\s*:\s*"', re.MULTILINE)


class PlainFile(Struct, frozen=True):
    """A file with queries about the mesh.

    Attributes:
        path: as it was read.
        text: as it should be; the same where nothing changes.
        queries: how many change.
        losses: what nobody answers any more.
    """

    path: str
    text: str
    queries: int
    losses: tuple[Loss, ...]


def rules_in(texts: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """Rule files and dashboards of some files, as trees; none of objects."""
    found = (tree_in(text) for _, text in sorted(texts.items()) if not _OBJECT.search(text[:_HEAD]))
    return tuple(tree for tree in found if tree is not None)


def plain_files(texts: Mapping[str, str], context: Context) -> tuple[PlainFile, ...]:
    """Those of some files that ask about the mesh, by path; none where nobody is in ambient."""
    if not texts or not any(is_ambient(context, pods) for pods in everybody(context)):
        return ()
    plain = {path: text for path, text in sorted(texts.items()) if not _OBJECT.search(text[:_HEAD])}
    trees = {path: tree for path, text in plain.items() if (tree := tree_in(text)) is not None}
    known = {**recorded(context), **recorded_in(trees.values())}
    found = (_plain(path, text, tuple(asking(trees.get(path), known)), context) for path, text in plain.items())
    return tuple(each for each in found if each is not None)


def _plain(path: str, text: str, indirect: tuple[Indirect, ...], context: Context) -> PlainFile | None:
    document = in_text(text)
    if not document.queries and not indirect:
        return None
    held = Asking(ObjectId("", KIND, "", path), document.queries, document.left, indirect)
    changed = sum(each.changes for each in document.queries) - len(document.left)
    return PlainFile(path, document.text, changed, tuple(query_losses(held, context, CODE)))
