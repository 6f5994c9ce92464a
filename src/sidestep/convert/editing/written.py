"""Write values as lines of YAML, in the manner of the text that they go into."""

import json
from typing import Any

from msgspec import Struct

from sidestep.convert.editing.scalars import block, inline


class Manner(Struct, frozen=True):
    """How a text is written.

    Attributes:
        newline: what ends its lines.
        step: by how much each level is indented.
        indented: sequences are indented below their key.
        quote: the quotes that it prefers.
    """

    newline: str = "\n"
    step: int = 2
    indented: bool = False
    quote: str = '"'


def lines(value: Any, manner: Manner) -> list[str]:
    """A value as the lines of a block, from column 0."""
    if isinstance(value, dict) and value:
        return [line for name, member in value.items() for line in entry(name, member, manner)]
    if isinstance(value, list) and value:
        return [line for member in value for line in item(member, manner)]
    return [inline(value, manner.quote)]


def entry(name: str, value: Any, manner: Manner) -> list[str]:
    """A key and its value."""
    first, *rest = below(value, manner)
    return [f"{inline(name, manner.quote)}:{first}", *rest]


def item(value: Any, manner: Manner) -> list[str]:
    """An item of a sequence, from its dash on."""
    first, *rest = after_dash(value, manner)
    return [f"-{first}", *rest]


def below(value: Any, manner: Manner) -> list[str]:
    """What follows the colon on its line, then the lines below, from the column of the key."""
    if not value or not isinstance(value, dict | list):
        return _scalar(value, manner, manner.step)
    shift = manner.step if isinstance(value, dict) or manner.indented else 0
    return ["", *_shifted(lines(value, manner), shift)]


def after_dash(value: Any, manner: Manner) -> list[str]:
    """What follows the dash on its line, then the lines below, from the column of the dash."""
    if not value or not isinstance(value, dict | list):
        return _scalar(value, manner, 2)
    first, *rest = lines(value, manner)
    return [f" {first}", *_shifted(rest, 2)]


def in_brackets(value: Any, manner: Manner, *, as_json: bool, compact: bool = False) -> str:
    """A value on one line within brackets."""
    if as_json:
        separators = (",", ":") if compact else (", ", ": ")
        return json.dumps(value, ensure_ascii=False, separators=separators)
    if isinstance(value, dict):
        members = (
            f"{inline(k, manner.quote, flow=True)}: {in_brackets(v, manner, as_json=False)}" for k, v in value.items()
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(in_brackets(member, manner, as_json=False) for member in value) + "]"
    return inline(value, manner.quote, flow=True)


def spread_json(value: Any, step: int, indent: str, newline: str) -> str:
    """A value as JSON over several lines, of which all but the first are indented; by tabs where what is around is."""
    text = json.dumps(value, ensure_ascii=False, indent="\t" if indent.endswith("\t") else step)
    return text.replace("\n", newline + indent)


def _scalar(value: Any, manner: Manner, shift: int) -> list[str]:
    literal = block(value) if isinstance(value, str) else None
    if literal is None:
        return [f" {inline(value, manner.quote)}"]
    return [f" {literal[0]}", *_shifted(literal[1:], shift)]


def _shifted(found: list[str], shift: int) -> list[str]:
    return [" " * shift + line if line else line for line in found]
