"""Edits of headers, from the words of `semantics.routing.edits` to Envoy's lists.

Values are format strings, as istiod hands them on: `%REQ(x-user)%` is a header's value, and `%%` a percent sign.

Source: pilot/pkg/networking/core/route/route.go (translateAppendHeaders); source/common/formatter of Envoy's.
"""

import re
from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from msgspec import Struct

_ACTIONS = {
    "set": HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    "add": HeaderValueOption.HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD,
}
_NAME = re.compile(r":?[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"(?:[^\x00\r\n%]|%%|%[A-Z0-9_]+(?:\([^\x00\r\n]*?\))?(?::[0-9]+)?%)*")


class Edits(Struct, frozen=True):
    """What is added or set, and what goes."""

    add: tuple[HeaderValueOption, ...] = ()
    remove: tuple[str, ...] = ()


def is_header(name: str) -> bool:
    """Whether a header may be called so; HTTP's own, which open with a colon, among them."""
    return _NAME.fullmatch(name) is not None


def editable(word: str) -> bool:
    """Whether Envoy takes an edit's name and value."""
    name, _, value = word.partition(" ")[2].partition(": ")
    return is_header(name) and _VALUE.fullmatch(value) is not None


def edits(words: Sequence[str]) -> Edits:
    """`set name: value`, `add name: value` and `remove name` as Envoy takes them; it refuses other names and values."""
    add: list[HeaderValueOption] = []
    remove: list[str] = []
    for word in words:
        verb, _, rest = word.partition(" ")
        name, _, value = rest.partition(": ")
        if not editable(word):
            continue
        if verb == "remove":
            remove.append(name)
            continue
        option = HeaderValueOption(header={"key": name, "value": value}, append_action=_ACTIONS[verb])
        add.append(option)
    return Edits(tuple(add), tuple(remove))
