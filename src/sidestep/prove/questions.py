"""The requests that policies, token rules and routes tell apart, where nothing is known yet of who sends them."""

from collections.abc import Iterable

from msgspec import Struct

from sidestep.prove import choices as classes
from sidestep.prove.asked import Asked as Everything
from sidestep.prove.asked import Condition, token_rules
from sidestep.prove.choices import Choices
from sidestep.prove.residual import whole
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.routing.http_match import HttpMatch


class Asked(Struct, frozen=True):
    """What looks at a request in one mesh on one way.

    Attributes:
        policies: all policy sets that judge HTTP.
        tokens: all RequestAuthentications.
        conditions: of all routes.
    """

    policies: tuple[PolicySet, ...] = ()
    tokens: tuple[RequestPolicy, ...] = ()
    conditions: tuple[HttpMatch, ...] = ()


def choices(asked: Iterable[Asked], _host: str, normalisation: PathNormalisation) -> Choices:
    """The choices for everything that looks at a request.

    Raises:
        Undecidable: something looks at what no finite choice stands for.
    """
    found = tuple(asked)
    everything = Everything(
        frozenset(whole(policies) for each in found for policies in each.policies),
        frozenset(token_rules(each.tokens) for each in found if each.tokens),
        frozenset(Condition.of(match) for each in found for match in each.conditions),
    )
    return classes.choices(everything, normalisation)
