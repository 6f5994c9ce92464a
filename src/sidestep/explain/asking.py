"""From a question to a request that can be decided, in one state of a mesh and in others."""

from msgspec import Struct
from msgspec.structs import replace

from sidestep.explain.clients import client_named, same_client
from sidestep.explain.destinations import destination, same_destination
from sidestep.explain.dialled import dialled
from sidestep.explain.payloads import payload_of
from sidestep.explain.question import Question
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request


class Asked(Struct, frozen=True):
    """A request, and what was taken for granted when it was made of a question."""

    request: Request
    notes: tuple[str, ...] = ()


def asked(index: MeshIndex, question: Question) -> Asked:
    """The request that a question is about.

    Raises:
        UsageError: a name is unknown or ambiguous, or the question contradicts itself.
    """
    told = dialled(question.to)
    payload, seen = payload_of(question, told)
    client = client_named(index, question.client)
    to = destination(index, told, client.namespace, question.port, reads_http=isinstance(payload, Http))
    request = Request(client.client, to.host, to.port, payload, question.authorizer)
    return Asked(request, (*client.notes, *to.notes, *seen))


def in_another_state(first: MeshIndex, then: MeshIndex, request: Request) -> Asked:
    """The same request where pods may have been made anew."""
    host, note = same_destination(first, then, request.to)
    moved = replace(request, client=same_client(then, request.client), to=host) if then is not first else request
    return Asked(moved, (note,) if note else ())
