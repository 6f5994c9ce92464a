"""All requests on one way that some meshes can tell apart, for who must look at each of them."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from sidestep.prove.expressions import Undecidable
from sidestep.prove.questions import Asked, choices
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.decide import decide
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Answers, Client, Http, Request, Tcp
from sidestep.semantics.routing.http_match import HttpMatch


class Line(Struct, frozen=True):
    """Who calls what.

    Attributes:
        client: who calls.
        to: name or address dialled.
        port: dialled.
        protocol: what the port declares.
    """

    client: Client
    to: str
    port: int
    protocol: Declared

    def request(self, payload: Http | Tcp, answers: Answers = Answers.UNSTATED, *, survey: bool = False) -> Request:
        """A request on it."""
        return Request(self.client, self.to, self.port, payload, answers, survey=survey)


def classes(
    indexes: Sequence[MeshIndex], line: Line, budget: int, apart: tuple[HttpMatch, ...] = ()
) -> Iterator[Request]:
    """One request for each class, the plainest first.

    Args:
        indexes: the meshes that decide.
        line: who calls what.
        budget: most requests of HTTP.
        apart: conditions that must be told apart too.

    Raises:
        Undecidable: no finite choice within the budget stands for all.
    """
    if line.protocol is not Declared.TCP:
        asked = [_survey(index, line.request(Http(), survey=True)) for index in indexes]
        found = choices([*asked, Asked(conditions=apart)], line.to, indexes[0].settings.normalisation)
        if found.size > budget:
            raise Undecidable(f"{found.size:,} classes of requests are more than the budget of {budget:,}")
        external = any(policies.custom for each in asked for policies in each.policies)
        for http in found.requests():
            for answers in (Answers.ALLOWS, Answers.DENIES) if external else (Answers.UNSTATED,):
                yield line.request(http, answers)
    if line.protocol is not Declared.HTTP:
        yield line.request(Tcp())


def _survey(index: MeshIndex, request: Request) -> Asked:
    """Everything that would judge a request of HTTP."""
    policies: list[PolicySet] = []
    tokens: list[RequestPolicy] = []
    consulted = (
        check.consulted
        for branch in decide(index, request).branches
        for hop in branch.path
        for check in hop.checks
        if check.consulted
    )
    for each in consulted:
        if isinstance(each, PolicySet):
            policies.append(each)
        else:
            tokens += each
    service = index.services.named(request.to, "")
    conditions = index.routing.conditions(index.host(service)) if service is not None else ()
    return Asked(tuple(policies), tuple(tokens), conditions)
