"""Edits of headers, from the words of `semantics.routing.edits` to Envoy's lists."""

from collections.abc import Sequence

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from msgspec import Struct

from sidestep.controlplane.generators.node.messages import literal

_ACTIONS = {
    "set": HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    "add": HeaderValueOption.HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD,
}


class Edits(Struct, frozen=True):
    """What is added or set, and what goes."""

    add: tuple[HeaderValueOption, ...] = ()
    remove: tuple[str, ...] = ()


def edits(words: Sequence[str]) -> Edits:
    """`set name: value`, `add name: value` and `remove name` as Envoy takes them."""
    add: list[HeaderValueOption] = []
    remove: list[str] = []
    for word in words:
        verb, _, rest = word.partition(" ")
        if verb == "remove":
            remove.append(rest)
            continue
        name, _, value = rest.partition(": ")
        option = HeaderValueOption(header={"key": name, "value": literal(value)}, append_action=_ACTIONS[verb])
        add.append(option)
    return Edits(tuple(add), tuple(remove))
