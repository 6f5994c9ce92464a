"""Prometheus' HTTP API: instant queries, bounded in time and size, with every failure named."""

import math
import ssl
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec
from msgspec import Struct

from sidestep.errors import UsageError, WorldError
from sidestep.model.gaps import GapReason
from sidestep.sources.telemetry.access import PrometheusAccess

LONGEST_ANSWER = 128 * 2**20
_SHOWN = 160
_CARRIES_ERROR = (400, 422, 500, 503)
_GATEWAY_GAVE_UP = (408, 502, 504)
_TOO_HEAVY = ("too many samples", "timed out", "timeout", "limit", "exceed")


class QueryError(Exception):
    """A query without an answer; `too_heavy` where asking for less may help."""

    def __init__(self, reason: GapReason, detail: str, *, too_heavy: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.too_heavy = too_heavy


class Sample(Struct, frozen=True):
    """One series' value; a histogram has none."""

    metric: dict[str, str] = {}
    value: tuple[float, str] = (0.0, "NaN")


class _Data(Struct, rename="camel", frozen=True):
    result_type: str = ""
    result: tuple[Sample, ...] = ()


class _Answer(Struct, rename="camel", frozen=True):
    status: str
    data: _Data | None = None
    error: str = ""
    error_type: str = ""
    warnings: tuple[str, ...] | None = None


class Prometheus:
    """One Prometheus, or what speaks like it (Thanos, Mimir, VictoriaMetrics).

    Attributes:
        warnings: what it said beside its answers.
    """

    def __init__(self, access: PrometheusAccess) -> None:
        self.access = access
        self.warnings: set[str] = set()
        try:
            self._http = httpx2.Client(
                timeout=access.timeout, verify=_verification(access.ca_file), headers=list(access.headers)
            )
        except (ValueError, httpx2.InvalidURL) as error:
            remedy = "check its headers, and the proxy in the environment"
            raise UsageError("nothing can be sent", where="--prometheus", remedy=remedy) from error

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def query(self, text: str, at: float) -> dict[tuple[tuple[str, str], ...], float]:
        """Values by labels (sorted); what is no number is left out.

        Args:
            text: PromQL.
            at: evaluation time in Unix seconds.

        Raises:
            QueryError: there is no answer, or none of the right form.
            WorldError: the token cannot be read.
        """
        status, body = self._post({"query": text, "timeout": f"{self.access.timeout:g}", "time": f"{at:.3f}"})
        answer = _decoded(status, body)
        if answer.status != "success" or answer.data is None:
            raise _refusal(answer.error or answer.error_type or "the query failed")
        if answer.data.result_type != "vector":
            raise QueryError(GapReason.MALFORMED, f"the answer is no vector ({answer.data.result_type[:_SHOWN]!r})")
        self.warnings.update(warning[:_SHOWN] for warning in answer.warnings or ())
        return _numbers(answer.data.result)

    def _post(self, form: Mapping[str, str]) -> tuple[int, bytes]:
        token = self.access.token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with self._http.stream(
                "POST", f"{self.access.url}/api/v1/query", data=dict(form), headers=headers
            ) as response:
                _refuse(response)
                return response.status_code, _bounded(response.iter_bytes(), self.access.timeout)
        except httpx2.TimeoutException as error:
            raise _late(self.access.timeout) from error
        except httpx2.LocalProtocolError as error:
            raise QueryError(GapReason.UNREACHABLE, "the request cannot be sent: check headers and token") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise QueryError(GapReason.UNREACHABLE, str(error)[:_SHOWN] or type(error).__name__) from error


def _bounded(parts: Iterator[bytes], seconds: float) -> bytes:
    """A body that ends in time: a server that drips would never run into a timeout between two bytes."""
    body, last = bytearray(), time.monotonic() + seconds
    for part in parts:
        body += part
        if len(body) > LONGEST_ANSWER:
            raise QueryError(GapReason.TOO_LARGE, f"the answer is longer than {LONGEST_ANSWER:,} bytes", too_heavy=True)
        if time.monotonic() > last:
            raise _late(seconds)
    return bytes(body)


def _late(seconds: float) -> QueryError:
    return QueryError(GapReason.TIMEOUT, f"no answer in {seconds:g} s", too_heavy=True)


def _verification(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise WorldError(f"certificate authority: {error}", where=ca_file, remedy="check --prometheus-ca") from error


def _refuse(response: httpx2.Response) -> None:
    """Refuse by status what is no answer of Prometheus'; some carry its own error as JSON."""
    status = response.status_code
    if status in (401, 403):
        raise QueryError(GapReason.UNAUTHORIZED if status == 401 else GapReason.FORBIDDEN, f"HTTP {status}")
    if 300 <= status < 400:
        target = _without_secrets(response.headers.get("Location", ""))
        raise QueryError(GapReason.UNAUTHORIZED, f"it redirects to {target or 'nowhere'}, perhaps to a login page")
    if status == 404:
        raise QueryError(GapReason.ABSENT, "HTTP 404: no Prometheus there; is a path prefix missing?")
    if status in _GATEWAY_GAVE_UP:
        raise QueryError(GapReason.TIMEOUT, f"HTTP {status}", too_heavy=True)
    if status >= 400 and status not in _CARRIES_ERROR:
        raise QueryError(GapReason.UNREACHABLE, f"HTTP {status}")


def _without_secrets(location: str) -> str:
    """Scheme, host and path: the query of a login page holds its state."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))[:_SHOWN]


def _refusal(told: str) -> QueryError:
    heavy = any(word in told.lower() for word in _TOO_HEAVY)
    return QueryError(GapReason.TOO_LARGE if heavy else GapReason.MALFORMED, told[:_SHOWN], too_heavy=heavy)


def _decoded(status: int, body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if status != 200:
            raise QueryError(GapReason.UNREACHABLE, f"HTTP {status}") from error
        start = body[:40].decode(errors="replace").strip()
        raise QueryError(GapReason.MALFORMED, f"the answer is not Prometheus' ({start!r})") from error


def _numbers(series: tuple[Sample, ...]) -> dict[tuple[tuple[str, str], ...], float]:
    values = {}
    for sample in series:
        try:
            value = float(sample.value[1])
        except ValueError:
            continue
        if math.isfinite(value):
            values[tuple(sorted(sample.metric.items()))] = value
    return values
