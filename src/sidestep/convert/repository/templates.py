"""Templates of charts as YAML: what their actions make is put aside as tokens.

Where the parts of a mapping come from a value (`toYaml .Values.podLabels | nindent 8`), the mapping has a key that says
so.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError

_ACTION = re.compile(r"\{\{-?(.*?)-?\}\}")
_OPENS = re.compile(r"\s*(?:if|range|with|define|block)\b")
_CLOSES = re.compile(r"\s*end\b")
_NAME = r"\.Values\.([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
_VALUE = re.compile(rf"\s*{_NAME}\s*(\|\s*quote\s*)?")
_WITH = re.compile(rf"\s*with\s+{_NAME}\s*")
_PARTS = re.compile(rf"\s*toYaml\s+(?:(\.)|{_NAME})\s*\|\s*nindent\s+(\d+)\s*")
TOKEN = re.compile(r"HELM-ACTION-(\d+)-")
PARTS = "HELM-PARTS "
"""Before the path of a value, in a key that stands for its entries."""


class Template(Struct, frozen=True):
    """A document of a template whose actions are put aside.

    Attributes:
        path: of its file.
        tree: what it says, with tokens for actions.
        actions: what the tokens stand for, and whether each stands outside any block.
        branches: whether it has blocks (`if`, `range`, `with`).
    """

    path: str
    tree: Tree
    actions: tuple[tuple[str, bool], ...]
    branches: bool


def value_of(action: str) -> str | None:
    """The path of the value that an action says as it is; None for any other action."""
    found = _VALUE.fullmatch(action)
    return found[1] if found else None


def templates(path: str, text: str) -> Iterator[Template]:
    """The documents of a template that are objects."""
    for piece in chunks(text):
        masked, actions, branches = _masked(piece.text)
        try:
            tree = read_value(masked, path)
        except WorldError:
            continue
        if isinstance(tree, dict) and "kind" in tree:
            yield Template(path, tree, tuple(actions), branches)


def _masked(text: str) -> tuple[str, list[tuple[str, bool]], bool]:
    """A template as YAML: lines of control are comments, other actions are tokens."""
    lines: list[str] = []
    actions: list[tuple[str, bool]] = []
    opened: list[str] = []
    branches = False
    for line in text.splitlines():
        found = [match[1] for match in _ACTION.finditer(line)]
        del opened[len(opened) - min(sum(_CLOSES.match(action) is not None for action in found), len(opened)) :]
        branches = branches or any(_OPENS.match(action) for action in found)
        is_control = found and not _ACTION.sub("", line).strip()
        lines.append(_parts(found, opened) if is_control else _with_tokens(line, actions, len(opened)))
        opened += [action for action in found if _OPENS.match(action)]
    return "\n".join(lines) + "\n", actions, branches


def _parts(found: list[str], opened: list[str]) -> str:
    """The line for the parts of a mapping that are all of one value, whether that is there or not; else a comment."""
    parts = _PARTS.fullmatch(found[0]) if len(found) == 1 else None
    if parts is None:
        return "#"
    around = [_WITH.fullmatch(action) for action in opened]
    if not parts[1]:
        name = parts[2] if not around else None
    else:
        name = around[0][1] if len(around) == 1 and around[0] else None
    return "#" if name is None else f"{' ' * int(parts[3])}{PARTS}{name}: 1"


def _with_tokens(line: str, actions: list[tuple[str, bool]], depth: int) -> str:
    """A line whose actions are tokens, noted with whether they stand outside any block."""

    def token(match: re.Match[str]) -> str:
        actions.append((match[1], depth <= 0))
        return f"HELM-ACTION-{len(actions) - 1}-"

    return _ACTION.sub(token, line)
