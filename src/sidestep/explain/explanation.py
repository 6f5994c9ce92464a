"""The answer to "what happens to this request, today and after?": states, paths, and what differs between them."""

from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId

API_VERSION = "sidestep.dev/v1"


class DecidedBy(Struct, frozen=True, rename="camel"):
    """What decided.

    Attributes:
        object: that decided; None where a default did.
        rule: place of its rule, from 1.
    """

    object: ObjectId | None = None
    rule: int | None = None


class HopReport(Struct, frozen=True, rename="camel"):
    """One stop of the path.

    Attributes:
        proxy: what stands there.
        at: whose it is.
        mode: how the request came to it: plaintext, mTLS or HBONE.
        identity: of the peer, as this hop sees it.
        source_address: of the peer, as this hop sees it.
        port: on which it arrives.
        verdict: of this hop.
        decided_by: what decided it.
        why: in words, one sentence for each check.
    """

    proxy: str
    at: str
    mode: str
    identity: str | None
    source_address: str
    port: int
    verdict: str
    decided_by: DecidedBy
    why: tuple[str, ...] = ()


class Way(Struct, frozen=True, rename="camel"):
    """One way that a request may take.

    Attributes:
        verdict: of this way.
        shape: how a refusal looks to the client.
        share: of requests that take it, from 0 to 1.
        condition: what must hold for it to be taken, where that cannot be told.
        destination: where it ends; empty where it ends outside of the mesh or before.
        path: its hops.
        route: that it takes.
    """

    verdict: str
    shape: str
    share: float
    condition: str
    destination: str
    path: tuple[HopReport, ...]
    route: dict[str, Any] | None = None


class StateReport(Struct, frozen=True, rename="camel"):
    """What happens in one state of the mesh.

    Attributes:
        state: `today`, `planned`, or the number of a wave.
        verdict: allow, deny, unreachable or unknown.
        shape: how a refusal looks to the client.
        why: the verdict in one sentence.
        path: of the likeliest way.
        route: that it takes.
        ways: all ways, where there are several.
        unknowns: what keeps the answer from being certain.
    """

    state: str
    verdict: str
    shape: str
    why: str
    path: tuple[HopReport, ...]
    route: dict[str, Any] | None = None
    ways: tuple[Way, ...] = ()
    unknowns: tuple[str, ...] = ()


class DifferenceReport(Struct, frozen=True, rename="camel"):
    """Something that changes between two states.

    Attributes:
        code: of the catalogue, e.g. `D06`; empty for a change that the catalogue does not name.
        direction: open, closed, route or observed.
        text: what changes for this request.
        docs: path of the page.
    """

    code: str
    direction: str
    text: str
    docs: str = ""


class Explanation(Struct, frozen=True, rename="camel"):
    """The whole answer.

    Attributes:
        request: in words.
        states: in order, today first.
        differences: between the first and the last state.
        assumptions: what was taken for granted.
        client: who sends it, in words.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Explanation`.
    """

    request: str
    states: tuple[StateReport, ...]
    differences: tuple[DifferenceReport, ...] = ()
    assumptions: tuple[str, ...] = ()
    client: str = ""
    api_version: str = API_VERSION
    kind: str = "Explanation"
