"""What a counterexample is about, taken apart: who calls what, by which method and path."""

import re
from collections.abc import Iterator

from msgspec import Struct

from sidestep.prove.proof import Counterexample
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.routing.hosts import is_address

_HTTP = re.compile(
    r"(?P<client>.+?) sends (?P<method>\S+) (?P<path>.*) to (?P<host>\S+):(?P<port>\d+)(?: with a token.*)?", re.DOTALL
)
_TCP = re.compile(r"(?P<client>.+?) opens TCP to (?P<host>\S+):(?P<port>\d+)", re.DOTALL)
_SOMEONE = re.compile(r"someone (\S+/\S+) .*")
_KIND = re.compile(r"(\S+) (\S+/\S+)")
_SVC = re.compile(r"([^.]+)\.([^.]+)\.svc(\..*)?")


class Subject(Struct, frozen=True):
    """What a request is about; texts are empty where it has none.

    Attributes:
        client: `namespace/workload`, `someone:namespace/account`, `gateway:namespace/name`, `outside` or `node`, the
            latter with an address where one is known.
        host: name or address dialled.
        port: dialled.
        method: of HTTP.
        path: of HTTP, without query.
    """

    client: str
    host: str
    port: int
    method: str = ""
    path: str = ""


def subject_of(example: Counterexample) -> Subject:
    """What a counterexample is about, by its words, which `explain.words.request_words` makes."""
    words = example.request.partition(", which is new; ")[0]
    found = _HTTP.fullmatch(words) or _TCP.fullmatch(words)
    if found is None:
        return Subject(example.request, "", 0)
    parts = found.groupdict()
    path = parts.get("path") or ""
    return Subject(
        _client(parts["client"]),
        parts["host"],
        int(parts["port"]),
        parts.get("method") or "",
        path.partition("?")[0],
    )


def destinations(subject: Subject, index: MeshIndex) -> Iterator[str]:
    """Names by which scopes may mean what is dialled: `namespace/service`, and the host or address itself.

    The address of a pod is meant by every service in front of it.
    """
    yield subject.host
    named = _SVC.fullmatch(subject.host)
    if named:
        yield f"{named[2]}/{named[1]}"
    elif is_address(subject.host):
        pods = index.by_address.get(subject.host)
        for service in index.in_front_of(pods) if pods is not None else ():
            yield f"{service.namespace}/{service.name}"


def _client(words: str) -> str:
    if words.startswith("gateway "):
        return f"gateway:{words.removeprefix('gateway ')}"
    somebody = _SOMEONE.fullmatch(words)
    if somebody:
        return f"someone:{somebody[1]}"
    found = _KIND.fullmatch(words)
    return found[2] if found else words.replace(" ", ":", 1)
