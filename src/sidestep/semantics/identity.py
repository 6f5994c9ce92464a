"""Workload identities (SPIFFE), in the form in which policies name them."""

from functools import lru_cache

from msgspec import Struct

SPIFFE = "spiffe://"
DEFAULT_TRUST_DOMAIN = "cluster.local"
DEFAULT_ACCOUNT = "default"


class Identity(Struct, frozen=True, order=True, rename="camel"):
    """Who a peer proved to be by its certificate.

    Attributes:
        trust_domain: e.g. `cluster.local`.
        namespace: of the workload.
        account: its service account.
    """

    trust_domain: str
    namespace: str
    account: str

    @property
    def principal(self) -> str:
        """As policies write it: the SPIFFE URI without its scheme."""
        return f"{self.trust_domain}/ns/{self.namespace}/sa/{self.account}"

    def __str__(self) -> str:
        return self.principal


@lru_cache(maxsize=65536)
def principal_of(trust_domain: str, namespace: str, account: str) -> str:
    """The principal of a workload; the same string each time, so that caches by identity hold."""
    return f"{trust_domain}/ns/{namespace}/sa/{account or DEFAULT_ACCOUNT}"


def parse_principal(text: str) -> Identity | None:
    """The identity in a principal or SPIFFE URI; None when it has another form."""
    parts = text.removeprefix(SPIFFE).split("/")
    if len(parts) == 5 and parts[1] == "ns" and parts[3] == "sa":
        return Identity(parts[0], parts[2], parts[4])
    return None
