"""A container's behaviour as its pod's annotations and its environment tell it."""

import re
from collections.abc import Mapping

import msgspec

from sidestep.errors import UsageError
from sidestep.lab.workload.containers import Behaviour, Protocol
from sidestep.lab.workload.payments import WORK_SECONDS

ANNOTATION = "sidestep.dev/behaviour"
CALLS = "sidestep.dev/calls"
COMMAND = "sidestep.dev/command"
_VARIABLES = {ANNOTATION: "SIDESTEP_BEHAVIOUR", CALLS: "SIDESTEP_CALLS"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}
_SERVICES = ("report", "payments", "issuer", "authorizer", "collector")
Duration = str | float


class Written(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON of the annotation."""

    service: str = "report"
    latency: Duration = ""
    error_rate: float = 0
    error_code: int = 503
    size: int = 0
    start_after: Duration = 0
    linger: Duration = 0
    keep_alive: int = 0
    version: str = ""
    call_timeout: Duration = 10
    tracing: float | None = None
    protocol: dict[str, Protocol] = {}


def text_for(key: str, container: str, annotations: Mapping[str, str], env: Mapping[str, str]) -> str:
    """What is written for a container: in its environment, else in the annotation with its name, else in the pod's."""
    variable = env.get(_VARIABLES.get(key, ""), "")
    return variable or annotations.get(f"{key}.{container}") or annotations.get(key, "")


def written_behaviour(text: str) -> Written:
    """The annotation's values; the defaults for none.

    Raises:
        UsageError: it is no JSON, or a field has no such meaning.
    """
    if not text.strip():
        return Written()
    try:
        written = msgspec.json.decode(text, type=Written)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    except msgspec.DecodeError as error:
        raise _wrong(f"it is no JSON: {error}") from error
    if not 0 <= written.error_rate <= 1:
        raise _wrong("error_rate is a share between 0 and 1")
    if written.tracing is not None and not 0 <= written.tracing <= 1:
        raise _wrong("tracing is a share between 0 and 1")
    if not 200 <= written.error_code <= 599:
        raise _wrong("error_code is a code of HTTP between 200 and 599")
    if written.service not in _SERVICES:
        raise _wrong(f"service is one of {', '.join(_SERVICES)}")
    return written


def behaviour_of(written: Written, calls: tuple[str, ...]) -> Behaviour:
    """The behaviour, in seconds.

    Raises:
        UsageError: a duration is none.
    """
    usual = WORK_SECONDS if written.service == "payments" else 0.0
    return Behaviour(
        service=written.service,
        latency=usual if written.latency == "" else seconds_of(written.latency, "latency"),
        error_rate=written.error_rate,
        error_code=written.error_code,
        size=max(written.size, 0),
        start_after=seconds_of(written.start_after, "start_after"),
        linger=seconds_of(written.linger, "linger"),
        keep_alive=max(written.keep_alive, 0),
        version=written.version,
        calls=calls,
        call_timeout=seconds_of(written.call_timeout, "call_timeout"),
        tracing=float(written.service == "payments") if written.tracing is None else written.tracing,
    )


def seconds_of(value: Duration, field: str) -> float:
    """`50ms`, `2s`, `1m`, or a number of seconds.

    Raises:
        UsageError: it is none of these.
    """
    found = _DURATION.fullmatch(str(value))
    if found is None:
        raise _wrong(f"{field} is {value!r}, and no duration")
    return float(found[1]) * _UNITS[found[2] or ""]


def _wrong(message: str) -> UsageError:
    return UsageError(message, where=ANNOTATION, remedy='write it like {"latency": "50ms", "error_rate": 0.01}')
