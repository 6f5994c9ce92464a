"""Containers that call their sidecar's own ports, or end its process: in ambient nobody hears it.

Source: istio-semantics.md §1.5 (`quitquitquit`, 15000, 15020, 15021).
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.semantics.loose import as_dict, as_strings
from sidestep.semantics.probes import PROBE_FIELDS

CALL = re.compile(
    r"(?:localhost|127\.0\.0\.1|\[::1\]):150(?:00|20|21)\b|quitquitquit|\b(?:pkill|killall)\b[^;&|\n]*\bpilot-agent\b"
)
MARKS = (b":15000", b":15020", b":15021", b"quitquitquit", b"pilot-agent")
"""One of them is in every object that has such a call."""
LOOP = re.compile(r"\b(?:until|while)\b")


class ProxyCall(Struct, frozen=True):
    """One call.

    Attributes:
        field: of the container, e.g. `args[0]` or `lifecycle.preStop.exec.command[2]`.
        line: within the text, from 1.
        called: what is called.
        loops: it is called until it answers.
    """

    field: str
    line: int
    called: str
    loops: bool


def proxy_calls(container: dict[str, Any]) -> Iterator[ProxyCall]:
    """Calls in the command, arguments, hooks and probes of a container."""
    texts = [*_texts(container, "command"), *_texts(container, "args")]
    for hook, told in sorted(as_dict(container.get("lifecycle")).items()):
        texts += _executed(told, f"lifecycle.{hook}")
    for probe in PROBE_FIELDS:
        texts += _executed(container.get(probe), probe)
    for field, text in texts:
        loops = LOOP.search(text) is not None
        for number, line in enumerate(text.splitlines(), 1):
            if found := CALL.search(line):
                yield ProxyCall(field, number, found.group(), loops)


def _texts(fields: dict[str, Any], name: str) -> list[tuple[str, str]]:
    return [(f"{name}[{number}]", text) for number, text in enumerate(as_strings(fields.get(name)))]


def _executed(value: object, at: str) -> list[tuple[str, str]]:
    found = _texts(as_dict(as_dict(value).get("exec")), "command")
    return [(f"{at}.exec.{field}", text) for field, text in found]
