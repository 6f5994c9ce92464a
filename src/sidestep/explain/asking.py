"""From a question to a request that can be decided, in one state of a mesh and in others."""

from msgspec import Struct
from msgspec.structs import replace

from sidestep.explain.clients import client_named, same_client
from sidestep.explain.destinations import destination, same_destination
from sidestep.explain.dialled import dialled
from sidestep.explain.payloads import payload_of
from sidestep.explain.question import Question
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request, SomebodyClient


class Asked(Struct, frozen=True):
    """A request, and what was taken for granted when it was made of a question.

    `later` is who sends it in states after the first, where he comes otherwise there.
    """

    request: Request
    notes: tuple[str, ...] = ()
    later: SomebodyClient | None = None


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
    return Asked(request, (*client.notes, *to.notes, *seen), client.later)


def in_another_state(first: MeshIndex, then: MeshIndex, question: Asked) -> Asked:
    """The same request where pods may have been made anew."""
    request = question.request
    if then is first:
        return Asked(request)
    host, note = same_destination(first, then, request.to)
    client = same_client(then, question.later or request.client)
    return Asked(replace(request, client=client, to=host), (note,) if note else ())
