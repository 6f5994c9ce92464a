"""Prometheus' HTTP API: instant queries, bounded in time and size, with every failure named."""

import math
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec
from msgspec import Struct

from sidestep.errors import UsageError, WorldError
from sidestep.model.gaps import GapReason

LONGEST_ANSWER = 128 * 2**20
_SHOWN = 160


class PrometheusAccess(Struct, frozen=True):
    """Where Prometheus is and how to be let in; never printed with its secrets.

    Attributes:
        url: with any path prefix.
        token_file: read anew for each query, for tokens are rotated.
        ca_file: certificate authority; None for the system's.
        headers: name and value, e.g. a tenant.
        timeout: seconds for one query.
    """

    url: str
    token_file: str | None = None
    ca_file: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 60.0

    @property
    def name(self) -> str:
        """The URL without user and password."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def __repr__(self) -> str:
        return f"PrometheusAccess({self.name})"


class QueryError(Exception):
    """A query without an answer; `too_heavy` where asking for less may help."""

    def __init__(self, reason: GapReason, detail: str, *, too_heavy: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.too_heavy = too_heavy


class Sample(Struct, frozen=True):
    """One series' value."""

    metric: dict[str, str]
    value: tuple[float, str]


class _Data(Struct, rename="camel", frozen=True):
    result_type: str = ""
    result: tuple[Sample, ...] = ()


class _Answer(Struct, rename="camel", frozen=True):
    status: str
    data: _Data = _Data()
    error: str = ""
    error_type: str = ""


_TOO_HEAVY = ("too many samples", "timed out", "timeout", "limit", "exceed")


class Prometheus:
    """One Prometheus, or what speaks like it (Thanos, Mimir, VictoriaMetrics)."""

    def __init__(self, access: PrometheusAccess) -> None:
        self.access = access
        try:
            self._http = httpx2.Client(
                timeout=access.timeout, verify=_verification(access.ca_file), headers=list(access.headers)
            )
        except (ValueError, httpx2.InvalidURL) as error:
            raise UsageError(str(error), where="--prometheus", remedy="give an http or https URL") from error

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def query(self, text: str, at: float | None) -> dict[tuple[tuple[str, str], ...], float]:
        """Values by labels (sorted); what is no number is left out.

        Args:
            text: PromQL.
            at: evaluation time in Unix seconds; None for now.

        Raises:
            QueryError: there is no answer, or none of the right form.
        """
        form = {"query": text, "timeout": f"{self.access.timeout:g}s"} | ({} if at is None else {"time": f"{at:.3f}"})
        answer = _decoded(self._post(form))
        if answer.status != "success":
            told = (answer.error or answer.error_type or "the query failed")[:_SHOWN]
            heavy = any(word in told.lower() for word in _TOO_HEAVY)
            raise QueryError(GapReason.TOO_LARGE if heavy else GapReason.MALFORMED, told, too_heavy=heavy)
        return _numbers(answer.data.result)

    def _post(self, form: Mapping[str, str]) -> bytes:
        url = self.access.url.rstrip("/") + "/api/v1/query"
        try:
            with self._http.stream("POST", url, data=dict(form), headers=self._authorization()) as response:
                body = bytearray()
                for part in response.iter_bytes():
                    body += part
                    if len(body) > LONGEST_ANSWER:
                        raise QueryError(GapReason.TOO_LARGE, "the answer is too long", too_heavy=True)
                _refuse(response)
                return bytes(body)
        except httpx2.TimeoutException as error:
            detail = f"no answer in {self.access.timeout:g} s"
            raise QueryError(GapReason.TIMEOUT, detail, too_heavy=True) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise QueryError(GapReason.UNREACHABLE, str(error) or type(error).__name__) from error

    def _authorization(self) -> dict[str, str]:
        if not self.access.token_file:
            return {}
        try:
            token = Path(self.access.token_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            where = self.access.token_file
            raise WorldError(f"token file: {error}", where=where, remedy="check --prometheus-token-file") from error
        return {"Authorization": f"Bearer {token}"}


def _verification(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise WorldError(f"certificate authority: {error}", where=ca_file, remedy="check --prometheus-ca") from error


def _refuse(response: httpx2.Response) -> None:
    """Refuse what is no answer of Prometheus'; 400, 422 and 503 carry its own error as JSON."""
    status = response.status_code
    if status in (401, 403):
        raise QueryError(GapReason.UNAUTHORIZED if status == 401 else GapReason.FORBIDDEN, f"HTTP {status}")
    if 300 <= status < 400:
        raise QueryError(GapReason.UNAUTHORIZED, f"it redirects (HTTP {status}), perhaps to a login page")
    if status >= 400 and status not in (400, 422, 503):
        raise QueryError(GapReason.UNREACHABLE, f"HTTP {status}")


def _decoded(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError as error:
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
