"""Migrations that failed elsewhere, as small as they get: the naive one is told apart, and ours is proved equal or says what it loses.

Each is a report of Istio's users: the number is an issue of istio/istio unless it says otherwise.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.semantics.differences.cases.scene import (
    BOUND,
    WEB,
    ambient,
    backend,
    bound,
    callers,
    dr,
    gateway,
    http_route,
    methods,
    pair,
    sidecars,
    to,
    tokens,
    vs,
    waypoint,
)
from tests.support.migrations import labels_alone, migrated, shown, town
from tests.support.proofs import visited
from tests.support.scenes import index, mesh_config, peers, pods, policy, service

from sidestep.actions.memory import states
from sidestep.convert.rewrite import Severity
from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.partial import with_partial
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove

_USUAL = Terms(Leave.SHAPE)
_RETRIES = Terms(Leave.SHAPE, assume=Assume.EVERYTHING & ~Assume.DEFAULTS)
_HOSTS = Terms(Leave.SHAPE, assume=Assume.EVERYTHING & ~Assume.HOSTS)
OPEN, CLOSED, ROUTE, SEEN = Direction.OPEN, Direction.CLOSED, Direction.ROUTE, Direction.SEEN
EQUAL, DIFFERS, UNDECIDED = Conclusion.EQUAL, Conclusion.DIFFERS, Conclusion.UNDECIDED


@dataclass(frozen=True)
class Known:
    """One report.

    Attributes:
        issue: its number, or several of one kind.
        words: what went wrong.
        before: the mesh with sidecars.
        naive: the mesh that was made of it; None for labels flipped and nothing else.
        direction: of the counterexample.
        codes: of the catalogue, any of which accounts for it; empty where none does.
        request: words in the counterexample.
        end: of our own plan and conversion, held against today.
        told: the severity of the loss that says what is left; None where nothing is left.
        terms: of the proof of the naive one.
    """

    issue: str
    words: str
    before: tuple[Any, ...]
    naive: tuple[Any, ...] | None
    direction: Direction
    codes: frozenset[str]
    request: str = ""
    end: Conclusion = EQUAL
    told: Severity | None = None
    terms: Terms = field(default=_USUAL)


def deny(**where):
    return policy("no-delete", methods("DELETE"), action="DENY", **where)


def versions(mode, *more, **labels):
    """A Service with a writer and a reader."""
    return [
        *pods("writer", mode, labels={"app": "cart", "role": "writer"}, ip="10.1.0.3"),
        *pods("reader", mode, labels={"app": "cart", "role": "reader"}, ip="10.1.0.4"),
        *pods("web", mode, ip=WEB),
        service("cart", labels=labels.get("labels")),
        *more,
    ]


def following(mode, *more):
    """A second Service."""
    return [*pods("next", mode, ip="10.1.0.5"), service("next"), *more]


SUBSETS = dr("cart", "cart", subsets=[{"name": role, "labels": {"role": role}} for role in ("writer", "reader")])
WRITES = vs("cart", "cart", to("cart", "writer", match=[{"method": {"exact": "POST"}}]), to("cart", "reader"))
FROM_WEB = policy("web-only", callers("web"), app="cart")
BLOCKS = {"from": [{"source": {"ipBlocks": [f"{WEB}/32"]}}]}
PREFIX = vs("cart", "cart", to("next", match=[{"uri": {"prefix": "/next"}}]), to("cart"))
MIRROR = vs("cart", "cart", to("cart", mirror={"host": "next"}))
DRY_RUN = deny(app="cart")
DRY_RUN["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
TWICE = vs(
    "cart", "cart", to("cart", match=[{"uri": {"prefix": "/"}}], rewrite={"uri": "/v1/"}), gateways=["mesh", "edge"]
)
HIDDEN = service("cart", "bank")
HIDDEN["metadata"]["annotations"] = {"networking.istio.io/exportTo": "."}
HASHED = dr("cart", "cart", {"loadBalancer": {"consistentHash": {"httpCookie": {"name": "user", "ttl": "0s"}}}})


def codes(*names):
    return frozenset(names)


KNOWN = (
    Known("57315", "the policy's waypoint was never made", tuple(sidecars(deny(app="cart"))),
          tuple(ambient(deny(service="cart"), labels=BOUND)), OPEN, codes("D17"), "sends DELETE"),
    Known("57315", "nor is the Service bound", tuple(sidecars(deny(app="cart"))),
          tuple(ambient(deny(service="cart"))), OPEN, codes("D06", "D17", "D18", "D04"), "sends DELETE"),
    Known("istio.io#17520", "the waypoint is not ready", tuple(sidecars(tokens("jwt", app="cart"))),
          tuple(ambient(tokens("jwt", service="cart"), labels=BOUND)), OPEN, codes("D17", "D34")),
    Known("61126", "a DENY of layer 7 alone", tuple(sidecars(deny(app="cart"))), None, OPEN, codes("D06"), "sends DELETE"),
    Known("61126", "with a caller beside", tuple(sidecars(policy("not-web", {**callers("web"), **methods("DELETE")}, action="DENY", app="cart"))),
          None, OPEN, codes("D06"), "shop/web sends DELETE"),
    Known("54275", "the policy stays by selector when a waypoint comes", tuple(sidecars(deny(app="cart"))),
          tuple(bound(deny(app="cart"))), OPEN, codes("D04", "D06"), "sends DELETE"),
    Known("44256, 44671", "the pod's policy meets the waypoint's identity", tuple(sidecars(FROM_WEB)), tuple(bound(FROM_WEB)),
          CLOSED, codes("D02"), "shop/web sends GET"),
    Known("54696", "a namespace that admits nobody refuses its waypoint",
          tuple(sidecars(policy("nobody"), policy("reads", methods("GET"), app="cart"))),
          tuple(bound(policy("nobody"), policy("reads", methods("GET"), service="cart"))), CLOSED, codes(), "sends GET"),
    Known("46982", "a waypoint sees other addresses than the pod did", tuple(sidecars(policy("near", BLOCKS, app="cart"))),
          tuple(bound(policy("near", BLOCKS, app="cart"))), CLOSED, codes("D03")),
    Known("45502, 53723, 46057", "tokens that nobody validates", tuple(sidecars(tokens("jwt", app="cart"))), None, OPEN, codes("D34")),
    Known("51214, siutsin/otaru#2955", "gateways go past the waypoint", tuple(sidecars(gateway(), deny(app="cart"))),
          tuple(bound(gateway(), deny(service="cart"))), OPEN, codes("D52"), "edge"),
    Known("51445", "servers move before their clients", tuple(sidecars(deny(app="cart"))),
          tuple(bound(deny(service="cart"), client="sidecar")), OPEN, codes("D51"), "shop/web sends DELETE"),
    Known("44534", "clients without a mesh go past the waypoint", tuple(pair("none", "sidecar", deny(app="cart"))),
          tuple(bound(deny(service="cart"), client="none")), OPEN, codes("D30"), "sends DELETE"),
    Known("58657, ztunnel#1659", "nobody makes dry runs", tuple(sidecars(DRY_RUN)), None, SEEN, codes("D13"), "sends DELETE",
          DIFFERS, Severity.OBSERVABILITY),
    Known("57704", "writes reach readers", tuple(versions("sidecar", WRITES, SUBSETS)), None, ROUTE, codes("D38", "D53"), "sends"),
    Known("56773", "an HTTPRoute takes the VirtualService's place", tuple(sidecars(following("sidecar"), PREFIX)),
          tuple(bound(following("ambient"), PREFIX, http_route("cart", "cart", backend("cart")))), ROUTE, codes("D40", "D41", "D42"), "/next"),
    Known("54994", "a route is taken twice", tuple(sidecars(gateway(), TWICE)),
          tuple(bound(gateway(), TWICE, labels={**BOUND, "istio.io/ingress-use-waypoint": "true"})), ROUTE, codes("D50"), "edge",
          EQUAL, Severity.COSMETIC),
    Known("51565, 54775", "clients told apart by labels", tuple(sidecars(following("sidecar"), vs("cart", "cart", to("next", match=[{"sourceLabels": {"app": "web"}}]), to("cart")))),
          tuple(bound(following("ambient"), vs("cart", "cart", to("next", match=[{"sourceLabels": {"app": "web"}}]), to("cart")))), ROUTE, codes("D49"), "shop/web",
          DIFFERS, Severity.TRAFFIC),
    Known("61590, api#3517", "what is not exported can be dialled", (*pods("web"), *pods("cart", space="bank"), HIDDEN, peers("STRICT")), None, OPEN, codes("D48"), "", DIFFERS),
    Known("54496", "a VirtualService without a waypoint", tuple(sidecars(following("sidecar"), PREFIX)), None, ROUTE, codes("D38"), "/next"),
    Known("44948", "a route leads to a Service with a waypoint of its own",
          tuple(sidecars(following("sidecar"), vs("cart", "cart", to("next")), deny(app="next"))),
          tuple(bound(pods("next", "ambient", ip="10.1.0.5"), service("next", labels={"istio.io/use-waypoint": "other"}), waypoint("other", ip="10.1.0.8"),
                      vs("cart", "cart", to("next")), deny(service="next"))), OPEN, codes("D54"), "sends DELETE", DIFFERS),
    Known("52713", "nobody mirrors", tuple(sidecars(following("sidecar"), MIRROR)), None, ROUTE, codes("D38"), "sends"),
    Known("60682, 58086", "nobody tries again", tuple(sidecars()), None, ROUTE, codes("D43"), "sends", EQUAL, None, _RETRIES),
    Known("55259, 56218, 59323, 58187, 60985", "users lose their pod", tuple(sidecars(HASHED)), None, ROUTE, codes("D44"), "sends", DIFFERS, Severity.TRAFFIC),
    Known("56991", "a headless Service behind a waypoint", tuple(sidecars(deny(app="cart"), headless=True)),
          tuple(bound(deny(service="cart"), headless=True)), OPEN, codes("D18"), "sends DELETE"),
    Known("49680", "a Host header is not looked at", tuple(sidecars(following("sidecar"))), None, ROUTE, codes("D39"), "", EQUAL, None, _HOSTS),
    Known("54281", "REGISTRY_ONLY is not kept", tuple(sidecars(mesh_config(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}))), None,
          OPEN, codes("D46"), "nobody.example.com", DIFFERS, Severity.SECURITY),
)  # fmt: skip


IDS = [f"{each.issue} {each.words}" for each in KNOWN]


@pytest.mark.parametrize("known", KNOWN, ids=IDS)
def test_the_naive_migration_is_found_out(known):
    today = town(*known.before) if known.naive is None else index(*known.before)
    then = labels_alone(today) if known.naive is None else index(*known.naive)
    proof = prove(today, then, known.terms)
    assert proof.verdict is DIFFERS
    found = [
        each for each in proof.counterexamples if each.direction is known.direction and known.request in each.request
    ]
    assert found
    assert not known.codes or [each for each in found if known.codes & set(each.differences)]


@pytest.mark.parametrize("known", KNOWN, ids=IDS)
def test_ours_is_equal_or_says_what_it_loses(known):
    found = migrated(town(*known.before))
    proof = found.proof()
    assert proof.verdict is known.end
    assert known.told is None or known.told in found.severities
    opened = [each for each in shown(proof) if each.direction is OPEN]
    assert bool(opened) is (known.issue in _STAYS_OPEN)


_STAYS_OPEN = {"61590, api#3517", "44948", "54281"}
"""What opens all the same; `convert --prove` refuses to write it."""


def test_the_order_that_opens_nothing():
    """51445: while servers and clients move, no state of our plan admits what is refused today."""
    today = town(*sidecars(deny(app="cart")))
    plan = migrated(today).plan
    on_the_way = ((step.id, mesh) for step, mesh in states(plan, today.mesh))
    proof = visited(today, with_partial(today.mesh, on_the_way), Terms(Leave.SHAPE | Leave.CLOSED))
    assert proof.states > len(plan.waves)
    assert not [each for each in proof.counterexamples if each.direction is OPEN]


NOT_BY_CONFIGURATION = {
    "42929": "a port rule that HBONE sidecars judged wrongly: a fault of a release, not of objects",
    "58316": "a status of ztunnel on a policy for a gateway: what is decided is the same",
    "55533, 53696": "people could not see which policy refused: `sidestep explain` reads the log line",
    "54718": "policies for the waypoint's own pods: requests to a waypoint itself are not asked",
    "56161": "redirects that a release of waypoints wrote wrongly: a fault of a release",
    "55463": "one worker for all connections of a client: load",
    "55076": "connections that a waypoint can hold: load",
    "47600, 47520, istio.io#11571": "asks for a converter",
}
"""Reports that two configurations cannot tell apart, and why."""


def test_no_report_is_both():
    shown_here = {number for each in KNOWN for number in each.issue.split(", ")}
    assert not shown_here & {number for each in NOT_BY_CONFIGURATION for number in each.split(", ")}
