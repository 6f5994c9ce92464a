"""What a mesh does on one way with every request of a class of routes, by content: equal programs decide alike.

A program is read off a survey (`Request.survey`): where the request goes, and what would look at it on the way. Names
of objects, the order of rules and gates that let everything through are gone.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.metadata import ObjectId
from sidestep.prove.asked import TokenRules, token_rules
from sidestep.prove.outcome import Assume, End, end_of
from sidestep.prove.residual import Residual, residual
from sidestep.prove.rewritten import alike, expression
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.authorization.policy import Attribute
from sidestep.semantics.authorization.seen import HttpSeen, Seen
from sidestep.semantics.decisions import Branch, Check, Decision, Hop, Proxy, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import GatewayClient, Http, Request
from sidestep.semantics.routing.route import Route
from sidestep.semantics.routing.rule import HttpEntry, HttpRule, Redirect, Rewrite
from sidestep.semantics.routing.text_match import TextMatch

_NO_RULES = TokenRules()
_ADDRESS = frozenset({Attribute.SOURCE_IP})
_NOTHING: frozenset[Attribute] = frozenset()
_PLACES = 3


_Rules = Mapping[tuple[ObjectId, str, str], HttpEntry]


class Gate(Struct, frozen=True):
    """One place that looks at a request.

    Attributes:
        policies: what is left of its policies.
        tokens: what it asks of tokens.
        view: what it sees otherwise than it was sent, behind routes that change it.
        reads: whether it reads HTTP, and can answer in it.
        external: what is known of the authorizers that it hands over to.
    """

    policies: Residual
    tokens: TokenRules = _NO_RULES
    view: Hashable = None
    reads: bool = True
    external: Hashable = None


class Line(Struct, frozen=True):
    """One way of a request.

    Attributes:
        gates: what looks at it.
        end: how it ends for what gets through.
        hops: who passes it on, where that alone counts.
    """

    gates: tuple[Gate, ...]
    end: Hashable
    hops: Hashable = None


_REFUSED = Line((), "refused")
_NOTHING_THROUGH = frozenset({(_REFUSED, 1.0)})
_OF_REQUESTS = frozenset({Attribute.METHOD, Attribute.PATH, Attribute.HEADER})
"""What every request has, however its destination is called."""


class _Action(Struct, frozen=True):
    """What a rule does to every request that it takes."""

    rewrite: Rewrite | None
    redirect: Redirect | None
    authority: str
    request_edits: tuple[str, ...]
    path: TextMatch


class Program(Struct, frozen=True):
    """All ways that requests of one class may take, with their shares."""

    lines: frozenset[tuple[Line, float]]

    @property
    def gates(self) -> Iterable[Gate]:
        """All that looks at them."""
        return (gate for line, _ in self.lines for gate in line.gates)


class Reading(Struct, frozen=True):
    """A program, and how it came about.

    Attributes:
        program: what was read.
        routed: whether a rule of any route may have chosen it, so that requests with another line may have others.
    """

    program: Program
    routed: bool


class Reader:
    """Reads programs of one mesh; what is left of policies is kept.

    Args:
        index: the mesh.
        assume: what counts for nothing.
    """

    def __init__(self, index: MeshIndex, assume: Assume) -> None:
        self._index, self._assume = index, assume
        self._residuals: dict[tuple[object, ...], tuple[PolicySet, Residual]] = {}
        self._tokens: dict[int, tuple[object, TokenRules]] = {}

    def reading(self, decision: Decision, request: Request, entries: Iterable[HttpEntry]) -> Reading:
        """The program of a survey, and whether routes have spoken."""
        found = self.program(decision, request, entries)
        viewed = any(gate.view is not None for gate in found.gates)
        return Reading(found, viewed or _is_routed(decision, request))

    def program(self, decision: Decision, request: Request, entries: Iterable[HttpEntry]) -> Program:
        """The program of a survey.

        Args:
            decision: on the survey.
            request: the survey.
            entries: rules that may route it.
        """
        found: dict[Line, float] = {}
        rules = {(each.rule.object, each.rule.place, each.match.place): each for each in entries}
        for branch in decision.branches:
            line = self._line(branch, request, rules)
            found[line] = found.get(line, 0.0) + branch.weight
        return Program(frozenset((line, round(share, _PLACES)) for line, share in found.items()))

    def _line(self, branch: Branch, request: Request, rules: _Rules) -> Line:
        gates: list[Gate] = []
        for hop in branch.path:
            tokens = _NO_RULES
            for check in hop.checks:
                if isinstance(check.consulted, PolicySet):
                    gate = Gate(
                        self._left(check, hop, branch),
                        tokens,
                        self._view(check.seen.http if check.seen else None, branch, request, rules),
                        check.seen is not None and check.seen.http is not None,
                        self._external(check.consulted),
                    )
                    if gate.policies.refuses_all and not gate.policies.noted and not gates:
                        return self._refused(gate, hop, branch)
                    if not gate.policies.admits_all or gate.tokens is not _NO_RULES:
                        gates.append(gate)
                elif check.consulted:
                    tokens = self._rules(check.consulted)
        if branch.verdict is Verdict.UNKNOWN:
            return Line(tuple(gates), _unknown(branch))
        if branch.verdict is not Verdict.ALLOW and Assume.SHAPES in self._assume and not branch.condition:
            return _REFUSED
        end = end_of(branch, self._assume), _action(branch.route, rules)
        return Line(tuple(dict.fromkeys(gates)), end, self._hops(branch))

    def _refused(self, gate: Gate, hop: Hop, branch: Branch) -> Line:
        """Whatever is sent, nothing gets through; how that looks may hang on tokens."""
        if Assume.SHAPES in self._assume:
            return _REFUSED
        return Line((gate,), ("refused", hop.proxy), self._hops(branch))

    def _hops(self, branch: Branch) -> Hashable:
        """Proxies that clean paths and headers, where that counts."""
        if Assume.DEFAULTS in self._assume:
            return None
        return tuple((hop.proxy, hop.transport) for hop in branch.path)

    def _left(self, check: Check, hop: Hop, branch: Branch) -> Residual:
        """What is left of policies; whose addresses waypoints see is an open question, so that nobody knows them."""
        seen, policies = check.seen or Seen(), check.consulted
        assert isinstance(policies, PolicySet)  # noqa: S101 - the caller asked
        unsure = _ADDRESS if hop.proxy is Proxy.WAYPOINT else _NOTHING
        sender = "" if seen.source_ip and seen.destination_ip and not unsure else f"{branch.path[0].at} to {hop.at}"
        key = (
            id(policies), seen.identity, seen.source_ip, seen.remote_ip, seen.destination_ip, seen.destination_port,
            seen.http is None, sender, hop.proxy,
        )  # fmt: skip
        known = self._residuals.get(key)
        if known is None:
            left = residual(policies, seen, sender, unsure)
            known = self._residuals[key] = (policies, left)
        return known[1]

    def _external(self, policies: PolicySet) -> Hashable:
        """What a mesh knows of external authorizers: those that it does not know refuse everything."""
        if not policies.custom:
            return None
        settings = self._index.settings
        named = sorted({each.policy.provider for each in policies.custom})
        several = settings.several_authorizers
        return several, settings.config is None, tuple((name, settings.authorizers.get(name)) for name in named)

    def _view(self, seen: HttpSeen | None, branch: Branch, request: Request, rules: _Rules) -> Hashable:
        sent = request.payload
        if seen is None or not isinstance(sent, Http):
            return None
        path = normalise(sent.path, self._index.settings.normalisation)
        if seen.path == path and seen.authority == (sent.authority or request.to) and seen.headers == sent.headers:
            return None
        headers = tuple(sorted((name, str(value)) for name, value in seen.headers.items()))
        return seen.path, seen.authority, headers, _action(branch.route, rules)

    def _rules(self, policies: object) -> TokenRules:
        known = self._tokens.get(id(policies))
        if known is None:
            known = self._tokens[id(policies)] = (policies, token_rules(policies))  # type: ignore[arg-type]
        return known[1]


def _is_routed(decision: Decision, request: Request) -> bool:
    """Whether a rule may have looked at the request.

    Sidecars and waypoints route a request once on its way, and the branch tells by what; gateways may do it before.
    """
    return isinstance(request.client, GatewayClient) or any(
        branch.verdict is Verdict.UNKNOWN or (branch.route is not None and branch.route.object is not None)
        for branch in decision.branches
    )


def _unknown(branch: Branch) -> Hashable:
    """What cannot be told is only the same where all of the way is."""
    told = branch.decider.reason if branch.decider is not None else ""
    where = branch.decider.object if branch.decider is not None else None
    return "unknown", told, where, branch.condition, tuple(_hop(hop) for hop in branch.path)


def _hop(hop: Hop) -> Hashable:
    return hop.proxy, hop.at, hop.transport, hop.identity, hop.source, hop.port


def _action(route: Route | None, rules: _Rules) -> Hashable:
    """What a route does to every request that it takes, and not to this one alone."""
    if route is None or route.object is None:
        return None
    entry = rules.get((route.object, route.rule, route.match))
    if entry is None:
        return route.object, route.rule, route.match
    rule = entry.rule
    if not _changes(rule):
        return None
    path = entry.match.path
    return _Action(alike(rule.rewrite, path), rule.redirect, rule.authority, rule.request_edits, path)


def expressions(program: Program) -> frozenset[tuple[str, str]]:
    """Those by which its routes rewrite paths of which there are endlessly many."""
    ends = (line.end for line, _ in program.lines)
    actions = (end[1] for end in ends if isinstance(end, tuple) and isinstance(end[1], _Action))
    return frozenset(told for each in actions if (told := expression(each.rewrite, each.path)) is not None)


def _changes(rule: HttpRule) -> bool:
    return bool(rule.rewrite or rule.redirect or rule.authority or rule.request_edits)


def places(program: Program) -> Iterator[str]:
    """Where a program's ways end."""
    for line, _ in program.lines:
        if isinstance(line.end, tuple) and isinstance(line.end[0], End):
            yield line.end[0].place


def refuses_all(program: Program) -> bool:
    """Whether nothing gets through, and how that looks counts for nothing."""
    return program.lines == _NOTHING_THROUGH


def is_plain(program: Program) -> bool:
    """Whether it hangs on a request of the class alone what becomes of it: nobody else is asked, and all is known."""
    return all(isinstance(line.end, tuple) and isinstance(line.end[0], End) for line, _ in program.lines) and all(
        gate.tokens is _NO_RULES and gate.view is None and _is_plain(gate.policies) for gate in program.gates
    )


def _is_plain(policies: Residual) -> bool:
    atoms = (atom for rule in policies.rules() for clause in rule for part in clause for atom in part)
    return not (policies.custom or policies.unreadable) and all(atom.attribute in _OF_REQUESTS for atom in atoms)


def renamed(program: Program, names: Mapping[str, str]) -> Program:
    """A program with other names for its places."""
    return Program(
        frozenset((Line(line.gates, _renamed(line.end, names), line.hops), share) for line, share in program.lines)
    )


def _renamed(end: Hashable, names: Mapping[str, str]) -> Hashable:
    if isinstance(end, tuple) and isinstance(end[0], End):
        return (replace(end[0], place=names[end[0].place]), *end[1:])
    return end
