"""Two decisions about one request side by side: the facts by which differences of the catalogue are told."""

from functools import cached_property

from msgspec import Struct

from sidestep.semantics.authorization.policy import Action, Attribute, Policy, Rule
from sidestep.semantics.authorization.ztunnel import Withheld, convert
from sidestep.semantics.decisions import Bypass, Check, CheckKind, Decision, Hop, Proxy, Transport, Verdict
from sidestep.semantics.network_policies import PROBED_FROM
from sidestep.semantics.routing.route import RouteSource

_REFUSED = (Verdict.DENY, Verdict.UNREACHABLE)
_UNKNOWN_HOST = (RouteSource.PASSTHROUGH, RouteSource.BLACKHOLE)


class Change(Struct, frozen=True, dict=True):
    """A request's decisions before and after."""

    before: Decision
    after: Decision

    @property
    def opened(self) -> bool:
        """Refused before, admitted after."""
        return self.before.verdict in _REFUSED and self.after.verdict is Verdict.ALLOW

    @property
    def closed(self) -> bool:
        """Admitted before, refused or not known after."""
        return self.before.verdict is Verdict.ALLOW and self.after.verdict is not Verdict.ALLOW

    @property
    def splits(self) -> bool:
        """It depends on the pod on one side, and on the other all of them decide alike."""
        return _depends(self.before) is not _depends(self.after)

    @cached_property
    def refused_before(self) -> Check | None:
        """What refused it."""
        return self.before.branches[0].decider

    @cached_property
    def refused_after(self) -> Check | None:
        """What refuses it."""
        return self.after.branches[0].decider

    @property
    def last_before(self) -> Hop:
        """Where the likeliest way ended."""
        return self.before.path[-1]

    @property
    def last_after(self) -> Hop:
        """Where it ends."""
        return self.after.path[-1]

    @cached_property
    def after_bypass(self) -> Bypass | None:
        """Why a waypoint is passed by."""
        return next((check.bypass for hop in self.after.path for check in hop.checks if check.bypass), None)

    @cached_property
    def through_waypoint(self) -> bool:
        """Whether a waypoint is met after."""
        return any(hop.proxy is Proxy.WAYPOINT for hop in self.after.path)

    @property
    def is_probe(self) -> bool:
        """Whether the kubelet asks, by the address that stands for it in ambient."""
        return self.last_after.source in PROBED_FROM

    @property
    def waypoint_port(self) -> int:
        """On which it arrives at the waypoint; 0 for none."""
        return next((hop.port for hop in self.after.path if hop.proxy is Proxy.WAYPOINT), 0)

    @property
    def unknown_before(self) -> bool:
        """Whether the client's sidecar did not know the host."""
        return self.before.route is not None and self.before.route.source in _UNKNOWN_HOST

    @property
    def hidden_before(self) -> bool:
        """Whether the sidecar passed on what its namespace does not see."""
        out = (hop for hop in self.before.path if hop.proxy is Proxy.SIDECAR_OUT)
        return any(check.kind is CheckKind.ROUTE and check.object is not None for hop in out for check in hop.checks)

    @property
    def named_otherwise(self) -> bool:
        """Whether a Service was dialled by a Host that the sidecar did not know, so that it came as nobody."""
        passed = self.unknown_before and not self.hidden_before and self.last_before.identity is None
        return passed and self.through_waypoint and self.after_bypass is None

    @property
    def ends_outside(self) -> bool:
        """Whether it leaves the mesh after."""
        return self.after.verdict is Verdict.ALLOW and self.after.branches[0].destination is None

    @property
    def ends_elsewhere(self) -> bool:
        """Whether other pods are reached after."""
        one, other = self.before.branches[0].destination, self.after.branches[0].destination
        return one is not None and other is not None and one != other

    @property
    def forgotten(self) -> bool:
        """Whether a sender knew whose an address is that somebody wrote down, and does not any more."""
        return self.asks_after(CheckKind.ENDPOINT) and not self.asks_before(CheckKind.ENDPOINT)

    @property
    def disabled_before(self) -> bool:
        """Whether a client's sidecar sent plaintext to another because PeerAuthentication says DISABLE."""
        last = self.last_before
        meshed = any(hop.proxy is Proxy.SIDECAR_OUT for hop in self.before.path) and not self.unknown_before
        return meshed and last.proxy is Proxy.SIDECAR_IN and last.transport is Transport.PLAINTEXT

    @property
    def validated_before(self) -> bool:
        """Whether a token was validated."""
        return self.asks_before(CheckKind.REQUEST_AUTHENTICATION)

    @property
    def rewrites(self) -> bool:
        """Whether a route changes the path."""
        return any(route is not None and route.rewrite_path for route in (self.before.route, self.after.route))

    def asks_before(self, kind: CheckKind) -> bool:
        """Whether anybody asked this."""
        return _asks(self.before, kind)

    def asks_after(self, kind: CheckKind) -> bool:
        """Whether anybody asks this."""
        return _asks(self.after, kind)

    def marked_before(self, mark: str) -> bool:
        """Whether policies that only watch (`shadowed`, `audited`) matched."""
        return _marked(self.before, mark)

    def marked_after(self, mark: str) -> bool:
        """Likewise after."""
        return _marked(self.after, mark)

    @staticmethod
    def policy_of(check: Check) -> Policy | None:
        """The AuthorizationPolicy that decided."""
        if check.outcome is not None:
            return check.outcome.policy
        return check.authorization.policy if check.authorization else None

    @classmethod
    def attributes_of(cls, check: Check) -> frozenset[Attribute]:
        """What the rule that decided looks at, or where none matched all rules."""
        policy = cls.policy_of(check)
        rules = () if policy is None else policy.rules
        return frozenset(
            attribute for rule in rules if check.rule in (None, rule.index) for attribute in attributes(rule)
        )

    @staticmethod
    def is_layer4(policy: Policy) -> bool:
        """Whether ztunnel has all of a policy."""
        if policy.action not in (Action.ALLOW, Action.DENY):
            return False
        sent = convert(policy, "")
        return not isinstance(sent, Withheld) and not sent.lost


def attributes(rule: Rule) -> frozenset[Attribute]:
    """What a rule looks at."""
    return frozenset(term.attribute for clause in rule.clauses for part in clause.any_of for term in part.terms)


def _asks(decision: Decision, kind: CheckKind) -> bool:
    return any(check.kind is kind for hop in decision.path for check in hop.checks)


def _marked(decision: Decision, mark: str) -> bool:
    checks = (check for hop in decision.path for check in hop.checks)
    return any(check.outcome is not None and getattr(check.outcome, mark) for check in checks)


def _depends(decision: Decision) -> bool:
    """Whether some ways are let through, and others not."""
    verdicts = {branch.verdict for branch in decision.branches}
    return decision.verdict is Verdict.UNKNOWN and {Verdict.ALLOW, Verdict.DENY} <= verdicts
