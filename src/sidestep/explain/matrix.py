"""Who may call whom in a namespace: every caller against every port of every service, by bytes and by HTTP."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.explain.answer import State, unread
from sidestep.explain.blind import BlindIndex, http_decides
from sidestep.explain.callers import Caller, callers, together
from sidestep.explain.explanation import API_VERSION
from sidestep.explain.nearest import suggestion
from sidestep.explain.words import verdict_words
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import CheckKind, Decision, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Client, Http, Request, Tcp
from sidestep.semantics.service_index import Service

_MOST_ROWS, _MOST_COLUMNS, _MOST_CELLS = 150, 60, 20_000


class Cell(StrEnum):
    """What becomes of a call.

    `SOME`: it depends on method, path, headers or token. `NOT_TCP`: the port speaks HTTP, and a proxy reads it, so
    that bytes which are none do not get through.
    """

    ALLOWED = "allowed"
    DENIED = "denied"
    SOME = "some"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    NOT_TCP = "not tcp"


class Call(Struct, frozen=True, rename="camel"):
    """One cell.

    Attributes:
        tcp: of bytes that no proxy reads.
        http: of HTTP; by `GET /`, and `some` where another request may be treated otherwise.
        why: the answer to `GET /` in one sentence.
    """

    tcp: Cell
    http: Cell
    why: str


class Row(Struct, frozen=True, rename="camel"):
    """One caller, or several that are treated alike.

    Attributes:
        caller: in words.
        members: who they are, one for a row of its own; of other namespaces as `NAMESPACE/NAME`.
        calls: one for each column.
    """

    caller: str
    members: tuple[str, ...]
    calls: tuple[Call, ...]


class Matrix(Struct, frozen=True, rename="camel"):
    """The whole answer.

    Attributes:
        namespace: whose services are called.
        state: of the mesh.
        columns: services with their ports.
        protocols: of the ports, as declared.
        rows: callers: those of the namespace, gateways, somebody outside of the mesh, and other namespaces.
        cut: what was left out, in words.
        assumptions: what was taken for granted.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Matrix`.
    """

    namespace: str
    state: str
    columns: tuple[str, ...]
    protocols: tuple[str, ...]
    rows: tuple[Row, ...]
    cut: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    api_version: str = API_VERSION
    kind: str = "Matrix"


class _Column(Struct, frozen=True):
    service: Service
    port: int
    protocol: Declared

    @property
    def name(self) -> str:
        return f"{self.service.name}:{self.port}"


def matrix(state: State, namespace: str) -> Matrix:
    """Who may call whom.

    Raises:
        UsageError: no service was read in the namespace.
    """
    index = state.index
    columns = list(_columns(index, namespace))
    if not columns:
        spaces = {each.namespace for each in index.services.services}
        raise UsageError(
            f"no service with a port was read in namespace {namespace!r}",
            where="--matrix",
            remedy=suggestion(namespace, spaces - {namespace}, "namespaces with services"),
        )
    everybody, shown = list(callers(index, namespace)), columns[:_MOST_COLUMNS]
    asked = everybody[: max(_MOST_CELLS // len(shown), 1)]
    rows = list(_rows(_Judge(index, shown), asked))
    cut = (
        _cut(len(columns), len(shown), "service ports"),
        _cut(len(everybody), len(asked), "callers"),
        _cut(len(rows), min(len(rows), _MOST_ROWS), "rows"),
    )
    return Matrix(
        namespace,
        state.name,
        tuple(column.name for column in shown),
        tuple(column.protocol.value for column in shown),
        tuple(rows[:_MOST_ROWS]),
        tuple(each for each in cut if each),
        tuple(dict.fromkeys((*state.notes, *index.assumptions, *unread(index.mesh)))),
    )


def _rows(judge: "_Judge", asked: Sequence[Caller]) -> Iterator[Row]:
    calls = [judge.calls(caller.client) for caller in asked]
    alike = [tuple((call.tcp, call.http) for call in each) for each in calls]
    return (Row(each.words, each.members, calls[each.place]) for each in together(asked, alike))


class _Judge:
    """Asks for every cell."""

    def __init__(self, index: MeshIndex, columns: Sequence[_Column]) -> None:
        self._index = index
        self._blind = BlindIndex.over(index)
        self._columns = columns

    def calls(self, client: Client) -> tuple[Call, ...]:
        """One row."""
        return tuple(self._call(client, column) for column in self._columns)

    def _call(self, client: Client, column: _Column) -> Call:
        bytes_alone = Request(client, column.service.host, column.port, Tcp())
        sample = Request(client, column.service.host, column.port, Http())
        http = decide(self._index, sample)
        why = verdict_words(http, self._index.settings.bundle)
        return Call(_cell(decide(self._index, bytes_alone)), self._http(http, sample), why)

    def _http(self, found: Decision, sample: Request) -> Cell:
        """`some` where policies leave the answer open as long as they know nothing of the request."""
        if found.verdict in (Verdict.ALLOW, Verdict.DENY) and http_decides(decide(self._blind, sample)):
            return Cell.SOME
        return _cell(found)


def _cell(found: Decision) -> Cell:
    match found.verdict:
        case Verdict.ALLOW:
            return Cell.ALLOWED
        case Verdict.DENY:
            return Cell.DENIED
        case Verdict.UNREACHABLE:
            decider = found.branches[0].decider
            not_http = decider is not None and decider.kind is CheckKind.PROTOCOL and "declared HTTP" in decider.reason
            return Cell.NOT_TCP if not_http else Cell.UNREACHABLE
        case Verdict.UNKNOWN:
            return Cell.UNKNOWN


def _columns(index: MeshIndex, namespace: str) -> Iterator[_Column]:
    own = [each for each in index.services.services if each.namespace == namespace and not each.external]
    for service in sorted(own, key=lambda each: each.host):
        if index.services.by_host.get(service.host) is not service or service.host.startswith("*"):
            continue
        yield from (
            _Column(service, port.number, port.protocol) for port in service.ports if port.protocol is not Declared.UDP
        )


def _cut(all_of: int, shown: int, what: str) -> str:
    return f"{shown} of {all_of} {what} are shown" if all_of > shown else ""
