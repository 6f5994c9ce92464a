"""What a plain YAML scalar means to Kubernetes: YAML 1.1 as sigs.k8s.io/yaml reads it (goyaml.v2/resolve.go).

`yes`, `on` and `y` are booleans, `0777` and `0o777` are octal, `1_000` is a number, a date stays a string.
"""

import base64
import binascii
import re
from typing import Final

Scalar = str | int | float | bool | None

_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(_NULL, None),
}
_NOT_IN_JSON = frozenset(
    sign + word for word in (".inf", ".Inf", ".INF") for sign in ("", "+", "-")
) | {".nan", ".NaN", ".NAN"}  # fmt: skip
_MAY_BE_NUMBER = frozenset("+-.0123456789")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_LARGEST = 2**64 - 1
_SMALLEST = -(2**63)
_PREFIX = "tag:yaml.org,2002:"


class ScalarError(ValueError):
    """A scalar that JSON cannot hold, or a tag that Kubernetes' reader does not construct."""


def plain(text: str) -> Scalar:
    """The value of an unquoted scalar without a tag.

    Raises:
        ScalarError: infinity or NaN, which JSON does not have.
    """
    if text in WORDS:
        return WORDS[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    if text in _NOT_IN_JSON:
        raise ScalarError(f"{text} has no counterpart in JSON")
    return _number(text)


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag.

    Raises:
        ScalarError: the tag is none of YAML's own, or the text does not fit it.
    """
    short = tag.removeprefix(_PREFIX)
    if tag == "!" or short in ("str", "timestamp"):
        return text
    if short == "binary":
        return _decoded(text)
    value = plain(text)
    fits = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }
    if short not in fits:
        raise ScalarError(f"tag {tag} is not one that Kubernetes reads")
    if not fits[short]:
        raise ScalarError(f"{text!r} is no {short}")
    return value


def key(value: Scalar) -> str:
    """A mapping's key as JSON spells it: every key is a string.

    Raises:
        ScalarError: null is no key.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        raise ScalarError("null cannot be a key")
    return format(value, "g") if isinstance(value, float) else str(value)


def _number(text: str) -> Scalar:
    """An integer, else a float, else the text; underscores are digits' own except after a leading point."""
    compact = text if text[0] == "." else text.replace("_", "")
    match = _INTEGER.fullmatch(compact)
    if match and match.lastgroup:
        number = int(match["sign"] + match[match.lastgroup], _BASES[match.lastgroup])
        if _SMALLEST <= number <= _LARGEST:
            return number
    if not _FLOAT.fullmatch(compact):
        return text
    value = float(compact)
    if value in (float("inf"), float("-inf")):
        return text
    return int(value) if value.is_integer() and _SMALLEST <= value < _LARGEST else value


def _decoded(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ScalarError(f"!!binary: {error}") from error
