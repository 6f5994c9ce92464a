"""One difference between what sidecars and what ambient make of the same objects."""

from enum import StrEnum

from msgspec import Struct

DOCS = "https://istio.io/latest/docs/"


class Area(StrEnum):
    """What a difference is about."""

    AUTHORIZATION = "A"
    IDENTITY = "B"
    TRAFFIC = "C"

    @property
    def words(self) -> str:
        """For people."""
        return {"A": "Authorization policy", "B": "mTLS and identity", "C": "Routing and traffic"}[self.value]


class Direction(StrEnum):
    """Which way it goes for a request.

    `OPEN`: ambient admits what sidecars refuse. `CLOSED`: the reverse. `BOTH`: either, by what the objects say.
    `ROUTE`: it is admitted by both, and goes elsewhere or with other settings. `OBSERVED`: only what somebody sees
    differs. `INEXPRESSIBLE`: no object of ambient says what today's says.
    """

    OPEN = "open"
    CLOSED = "closed"
    BOTH = "both"
    ROUTE = "route"
    OBSERVED = "observed"
    INEXPRESSIBLE = "inexpressible"


class Difference(Struct, frozen=True):
    """One difference.

    Attributes:
        code: its number, e.g. `D06`; never reused.
        title: in a few words.
        area: what it is about.
        direction: which way it goes.
        today: what sidecars do.
        after: what ambient does.
        reachable: which objects or requests bring it about.
        fix: what to do about it.
        sources: files of istio/istio or istio/ztunnel, pages and issues that say so.
        since: the release of Istio from which it holds, where that is not always.
        decidable: whether one decision about one request can show it.
        undecidable: why not; empty where it can.
    """

    code: str
    title: str
    area: Area
    direction: Direction
    today: str
    after: str
    reachable: str
    fix: str
    sources: tuple[str, ...]
    since: str = ""
    decidable: bool = True
    undecidable: str = ""

    @property
    def page(self) -> str:
        """Path of its page in the repository."""
        return f"docs/differences/{self.code}.md"
