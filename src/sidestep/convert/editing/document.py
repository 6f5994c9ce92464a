"""Edit one YAML document."""

from typing import Any

import yaml

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.draft import Draft
from sidestep.convert.editing.nodes import compose
from sidestep.convert.editing.operations import as_patch
from sidestep.convert.editing.settle import settle_root
from sidestep.errors import WorldError
from sidestep.model.yaml_tree import DocumentError, read_document
from sidestep.model.yaml_values import ScalarError

_MARKER = "---"
_MARK = "\ufeff"


def edit_document(text: str, before: Any, after: Any, where: str = "") -> str:
    """A document's text with another value.

    Args:
        text: of one document, its marker and comments included.
        before: its value, as `read_value` tells it.
        after: the value it is to have.
        where: its place, for errors.

    Raises:
        WorldError: it cannot be changed in place so that it says just that; the error prints the patch.
    """
    if same(before, after):
        return text
    if text.startswith(_MARK):
        return _MARK + edit_document(text[1:], before, after, where)
    found = _edited(text, before, after)
    if found is None:
        raise WorldError(
            "it cannot be edited in place so that it says exactly what is wanted",
            where=where,
            remedy=f"make this change by hand:\n{as_patch(before, after)}",
        )
    return found


def read_value(text: str, where: str = "") -> Any:
    """What a document says, as Kubernetes reads it.

    Raises:
        WorldError: it cannot be read.
    """
    return _read(text.removeprefix(_MARK), where)


def _edited(text: str, before: Any, after: Any) -> str | None:
    """The new text; None where it would not say what is wanted."""
    try:
        document = compose(text, _parsed(text))
        draft = Draft(document)
        if document.root is None:
            return None
        settle_root(draft, document.root, before, after)
    except (yaml.YAMLError, ScalarError, KeyError):
        return None
    made = draft.made()
    return next((each for each in (made, made + draft.manner.newline) if _says(each, after)), None)


def _says(text: str, value: Any) -> bool:
    try:
        return same(read_document(_parsed(text)).value, value)
    except DocumentError:
        return False


def _read(text: str, where: str) -> Any:
    try:
        return read_document(_parsed(text)).value
    except DocumentError as error:
        raise WorldError(str(error), where=where, remedy="correct the document") from error


def _parsed(text: str) -> str:
    """What the parser gets: a marker at the start blanked out, because a value may follow it, as `kubectl` reads it."""
    return "   " + text[3:] if text.startswith(_MARKER) else text
