"""GET, with patience: busy servers are asked again, and every failure gets a name."""

import random
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from sidestep.errors import TransportError
from sidestep.sources.cluster.access import Access
from sidestep.sources.cluster.credentials import authentication, tls

ATTEMPTS = 5
_LONGEST_WAIT = 30.0
_PARALLEL = 8
_MESSAGE_SHOWN = 200
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


class FailureKind(StrEnum):
    """Why a request brought nothing."""

    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    ABSENT = "absent"
    GONE = "gone"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNEXPECTED = "unexpected"


class RequestError(Exception):
    """A request that failed for good; caught where it is known what was asked for."""

    def __init__(self, kind: FailureKind, detail: str, *, token: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.token = token


class Get(Struct, frozen=True):
    """A request as a value: a path with query parameters, and what form of answer is wanted."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    accept: str = "application/json"


class _ListMeta(Struct, rename="camel", frozen=True):
    continue_: str = msgspec.field(default="", name="continue")


class _Status(Struct, frozen=True):
    kind: str = ""
    message: str = ""
    metadata: _ListMeta = _ListMeta()


_KIND_OF_STATUS = {
    401: FailureKind.UNAUTHORIZED,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.ABSENT,
    410: FailureKind.GONE,
}


def connection(access: Access, parallel: int) -> httpx2.Client:
    """A client that proves to a server who asks, and checks who answers.

    Raises:
        TransportError: it cannot be one, by its URL or proxy.
        WorldError: a certificate cannot be used.
    """
    try:
        return httpx2.Client(
            base_url=access.server,
            verify=tls(access) if access.server.startswith("https") else False,
            auth=authentication(access),
            timeout=httpx2.Timeout(access.timeout),
            proxy=access.proxy,
            limits=httpx2.Limits(max_connections=parallel),
            headers={"User-Agent": "sidestep", "Accept-Encoding": "identity"},
        )
    except (ValueError, httpx2.InvalidURL) as error:
        raise TransportError(str(error), where=access.server, remedy="check the kubeconfig") from error


def extensions(access: Access) -> dict[str, Any] | None:
    """What every request says beside itself: the name that the server's certificate bears."""
    return {"sni_hostname": access.server_name} if access.server_name else None


class ApiClient:
    """One API server.

    Args:
        access: where and as whom.
        sleep: how to wait before asking again; tests give their own.
        jitter: a number from 0 to 1 that spreads the waiting of many.
    """

    def __init__(
        self,
        access: Access,
        sleep: Callable[[float], object] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.access = access
        self._sleep = sleep
        self._jitter = jitter
        self._busy = threading.Semaphore(_PARALLEL)
        self._extensions = extensions(access)
        self._http = connection(access, _PARALLEL)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def get(self, request: Get) -> bytes:
        """The body of the answer.

        Raises:
            RequestError: it failed for good, or `ATTEMPTS` times in a row for a reason that might pass.
        """
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                with self._busy:
                    response = self._http.get(
                        request.path,
                        params=list(request.params),
                        headers={"Accept": request.accept},
                        extensions=self._extensions,
                    )
            except httpx2.TimeoutException as error:
                raise RequestError(FailureKind.TIMEOUT, f"no answer in {self.access.timeout:g} s") from error
            except httpx2.TransportError as error:
                if last or isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol):
                    raise RequestError(FailureKind.UNREACHABLE, str(error) or type(error).__name__) from error
                self._wait(attempt, None)
                continue
            if _may_pass(response) and not last:
                self._wait(attempt, response.headers.get("Retry-After"))
                continue
            return _body(response)
        raise RequestError(FailureKind.UNREACHABLE, "no answer")  # pragma: no cover - the loop returns or raises

    def get_json(self, path: str, params: tuple[tuple[str, str], ...] = ()) -> Any:
        """The decoded answer.

        Raises:
            RequestError: as `get`, or the answer is no JSON.
        """
        return decoded(self.get(Get(path, params)), Any)

    def _wait(self, attempt: int, asked: str | None) -> None:
        """As long as the server asks, else twice as long each time, and never in step with others."""
        seconds = float(asked) if asked and asked.isdigit() else 0.5 * 2**attempt
        self._sleep(min(seconds, _LONGEST_WAIT) * (1 + 0.2 * self._jitter()))


def _may_pass(response: httpx2.Response) -> bool:
    """Whether the server is only too busy to answer now."""
    return response.status_code == 429 or response.status_code >= 500


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Made by one thread at a time: msgspec lets others use a type while it still finds out what that is made of."""
    with _making:
        if kind not in _decoders:
            _decoders[kind] = msgspec.json.Decoder(kind)
        return _decoders[kind]


def decoded(body: bytes, kind: Any) -> Any:
    """A body as a type.

    Raises:
        RequestError: it is something else, e.g. the HTML of a login page.
    """
    try:
        return _decoder(kind).decode(body)
    except msgspec.DecodeError as error:
        start = body[:60].decode(errors="replace").strip()
        raise RequestError(FailureKind.UNEXPECTED, f"the answer is not what an API server sends ({start!r})") from error


def _body(response: httpx2.Response) -> bytes:
    if response.is_success:
        return response.content
    status = _status(response.content)
    detail = (status.message or f"HTTP {response.status_code}")[:_MESSAGE_SHOWN]
    kind = _KIND_OF_STATUS.get(response.status_code)
    if kind is None:
        kind = FailureKind.UNREACHABLE if response.status_code >= 500 else FailureKind.UNEXPECTED
    raise RequestError(kind, detail, token=status.metadata.continue_)


def _status(body: bytes) -> _Status:
    try:
        return msgspec.json.decode(body, type=_Status)
    except msgspec.DecodeError:
        return _Status()
