"""The tokens that requests have: what they claim, and whether they hold."""

from typing import Any

from msgspec import Struct

from sidestep.lab.api import messages as api
from sidestep.lab.lab import Lab
from sidestep.lab.workload.issuer import ISSUER
from sidestep.semantics.authentication.tokens import Token, TokenState

OTHER = "https://other.example"
_LONG, _PAST = 24 * 3600, -3600


class Claimed(Struct, frozen=True):
    """One token.

    Attributes:
        claims: as the lab's issuer signs them.
        state: whether it holds.
    """

    claims: dict[str, str]
    state: TokenState = TokenState.VALID

    @property
    def token(self) -> Token:
        """As `decide` takes it."""
        told: dict[str, Any] = {"iss": ISSUER, **self.claims}
        if "groups" in told:
            told["groups"] = told["groups"].split(",")
        return Token(self.state, told)


TOKENS = {
    "ann": Claimed({"sub": "ann", "aud": "shop", "groups": "admin,staff"}),
    "bob": Claimed({"sub": "bob", "groups": "staff,night"}),
    "elsewhere": Claimed({"sub": "ann", "aud": "elsewhere"}),
    "stranger": Claimed({"iss": OTHER, "sub": "eve"}),
    "late": Claimed({"sub": "ann", "aud": "shop"}, TokenState.EXPIRED),
    "forged": Claimed({"sub": "ann"}, TokenState.INVALID),
}


def minted(lab: Lab) -> dict[str, str]:
    """All of them, signed by the lab's issuer; what is forged has a signature of nobody."""
    found = {}
    for name, each in TOKENS.items():
        seconds = _PAST if each.state is TokenState.EXPIRED else _LONG
        text: str = lab.client.ask(api.Token(each.claims, seconds))
        found[name] = f"{text.rpartition('.')[0]}.AAAA" if each.state is TokenState.INVALID else text
    return found
