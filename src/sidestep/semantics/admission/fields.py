"""Fields that objects of several kinds share, and what admission says of them.

Source: pkg/config/validation/validation.go, pkg/config/validation/agent/validation.go of Istio 1.31.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.semantics.loose import as_dict, as_text
from sidestep.semantics.patterns import compiled

Found = Iterator[tuple[str, str]]
"""Fields below `spec`, each with why it is refused."""

_MOST_TARGETS, _MOST_PATTERN, _MOST_NAME, _LAST_PORT = 16, 1024, 255, 65_535
_LABEL = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_FIRST_LABEL = re.compile(rf"\*|(?:\*-?)?{_LABEL.pattern}|\*-")
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+")
_PARTS = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_MILLISECOND = 10**6


def attachment_refusals(spec: Mapping[str, Any]) -> Found:
    """Selectors and targets of a policy."""
    given = [name for name in ("selector", "targetRef", "targetRefs") if spec.get(name)]
    if len(given) > 1:
        yield given[1], f"only one of {' and '.join(given)} can be there"
    yield from selector_refusals(spec)
    refs = spec.get("targetRefs")
    listed = refs if isinstance(refs, list) else []
    if len(listed) > _MOST_TARGETS:
        yield "targetRefs", f"there are more than {_MOST_TARGETS}"
    for number, ref in enumerate(listed):
        yield from _target_refusals(as_dict(ref), f"targetRefs[{number}]")
    if spec.get("targetRef") is not None:
        yield from _target_refusals(as_dict(spec["targetRef"]), "targetRef")


def _target_refusals(ref: dict[str, Any], at: str) -> Found:
    for name in ("kind", "name"):
        if not as_text(ref.get(name)):
            yield f"{at}.{name}", "it must not be empty"
    if as_text(ref.get("namespace")):
        yield f"{at}.namespace", "a policy is attached in its own namespace only"


def selector_refusals(spec: Mapping[str, Any], field: str = "selector") -> Found:
    """Labels by which a policy selects pods."""
    for name, value in as_dict(as_dict(spec.get(field)).get("matchLabels")).items():
        if not name or "*" in f"{name}{value}":
            yield f"{field}.matchLabels", f"{name}={value}: labels are neither empty nor patterns"


def duration_refusals(value: object, at: str) -> Found:
    """A time of at least a millisecond, in whole ones."""
    if value is None:
        return
    written = as_text(value)
    if not _DURATION.fullmatch(written):
        yield at, f"{value!r} is no duration such as 1.5s"
        return
    whole = sum(float(number) * _NANOSECONDS[unit] for number, unit in _PARTS.findall(written))
    if whole < _MILLISECOND or whole % _MILLISECOND:
        yield at, f"{written!r} is not a millisecond or more, in whole ones"


def pattern_refusals(written: object, at: str) -> Found:
    """An expression of RE2."""
    if not isinstance(written, str) or not written:
        yield at, "an expression must not be empty"
    elif len(written) > _MOST_PATTERN:
        yield at, f"an expression has {_MOST_PATTERN} characters at most"
    elif compiled(written) is None:
        yield at, f"RE2 refuses {written!r}"


def host_refusals(written: object, at: str) -> Found:
    """A DNS name that may open with a star."""
    name = as_text(written)
    first, _, rest = name.removesuffix(".").partition(".")
    others = rest.split(".") if rest else []
    if not name or len(name) > _MOST_NAME:
        yield at, f"{written!r} is no name of a host"
    elif not _FIRST_LABEL.fullmatch(first) or not all(map(_LABEL.fullmatch, others)):
        yield at, f"{name!r} is no name of a host, or has a star that does not open it"


def label_refusals(written: object, at: str) -> Found:
    """A name of one DNS label, as subsets have."""
    if not _LABEL.fullmatch(as_text(written)):
        yield at, f"{written!r} is no name of letters, digits and hyphens"


def port_refusals(number: object, at: str) -> Found:
    """A number of a port."""
    if not isinstance(number, int) or not 1 <= number <= _LAST_PORT:
        yield at, f"{number!r} is no port"


def share_refusals(value: object, at: str, most: float = 100) -> Found:
    """A percentage."""
    if isinstance(value, int | float) and not 0 <= value <= most:
        yield at, f"{value} is not between 0 and {most:g}"


def export_refusals(spec: Mapping[str, Any], namespace: str) -> Found:
    """Namespaces that see an object."""
    written = spec.get("exportTo")
    listed = [namespace if each == "." else each for each in written] if isinstance(written, list) else []
    if len({str(each) for each in listed}) < len(listed):
        yield "exportTo", "a namespace is named twice"
    if len(listed) > 1 and {"*", "~"} & {str(each) for each in listed}:
        yield "exportTo", "`*` and `~` stand alone"
