"""Write one scalar so that Kubernetes' reader, YAML 1.1 and YAML 1.2 all read what was meant."""

import json
import re
from functools import lru_cache
from typing import Any

import yaml

from sidestep.model.yaml_values import ScalarError, plain

_ESCAPED = re.compile('[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ud800-\\udfff\\ufffe\\uffff"\\\\]')
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\0": "\\0"}
_NOT_IN_BLOCK = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ud800-\\udfff\\ufffe\\uffff]|[ \\t]\\n|\\t"
)
_SURELY_PLAIN = re.compile(r"[A-Za-z]\w*[./-][\w./-]*", re.ASCII)
"""Names and paths: no word, no number and no time is written so."""
_WIDEST = 2**31


def inline(value: Any, quote: str = '"', *, flow: bool = False) -> str:
    """A scalar or an empty collection on one line.

    Args:
        value: which.
        quote: the quotes for a text that needs some.
        flow: it will stand in brackets.
    """
    if isinstance(value, str):
        return value if reads_plain(value, flow=flow) else quoted(value, quote)
    return json.dumps(value, allow_nan=False)


def quoted(text: str, quote: str) -> str:
    """A text in quotes; in double ones where single ones could not hold it."""
    if (
        quote == "'"
        and not any(letter in text for letter in "\n\t")
        and not _ESCAPED.search(re.sub(r'["\\]', "", text))
    ):
        return "'" + text.replace("'", "''") + "'"
    return '"' + _ESCAPED.sub(_escape, text) + '"'


@lru_cache(maxsize=4096)
def reads_plain(text: str, *, flow: bool) -> bool:
    """Whether a text without quotes is that text to every reader."""
    if _SURELY_PLAIN.fullmatch(text):
        return True
    try:
        if not text or not isinstance(plain(text), str) or _ESCAPED.search(text.replace('"', "").replace("\\", "")):
            return False
    except ScalarError:
        return False
    wrapped: Any = [text] if flow else text
    written: str = yaml.safe_dump(wrapped, width=_WIDEST, allow_unicode=True, default_flow_style=flow or None)
    return written.startswith(f"[{text}]" if flow else f"{text}\n")


def block(text: str) -> list[str] | None:
    """The header and the lines of the literal block that is a text of several lines.

    None where a block cannot hold it, or where it would depend on the blank lines that follow.
    """
    body = text.rstrip("\n")
    if "\n" not in text or not body or body[0] in " \n" or _NOT_IN_BLOCK.search(text) or body.endswith(" "):
        return None
    ends = len(text) - len(body)
    if ends > 1:
        return None
    return ["|" if ends else "|-", *body.split("\n")]


def _escape(found: re.Match[str]) -> str:
    letter = found[0]
    short = _SHORT.get(letter)
    return short or f"\\u{ord(letter):04x}"
