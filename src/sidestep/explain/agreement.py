"""Whether a line of a log and the mesh as it was read say the same of a request."""

from enum import StrEnum

from msgspec import Struct

from sidestep.explain.explanation import StateReport
from sidestep.explain.log_lines.line import LogFormat, LogLine, PolicyRule, Verdict

_DENIED_DETAILS = "rbac_access_denied"
_REJECTED = "policy rejection"
_REFUSALS = (401, 403)
_PASSED_ON = "via_upstream"
_PROXIES = {"ztunnel": "ztunnel", "sidecar": "sidecar", "waypoint": "waypoint", "gateway": "gateway"}
_CHANGED = (
    "objects or pods changed since the line was written, it comes from another cluster, or the line leaves out "
    "what decided (a token, a header)"
)


class Said(StrEnum):
    """What a line says became of a request."""

    DENIED = "refused by policy"
    ARRIVED = "let through"
    FAILED = "failed"
    REFUSED_BEHIND = "answered with a refusal by whoever stands behind this proxy"
    UNCLEAR = "nothing of the outcome"


class Agreement(StrEnum):
    """How a line and a mesh stand to each other.

    `UNEXPLAINED`: the line tells a failure that configuration does not bring about. `UNKNOWN`: one of them does not
    tell. `NOT_ASKED`: the line does not name both ends well enough, or no mesh was read.
    """

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    UNEXPLAINED = "unexplained"
    UNKNOWN = "unknown"
    NOT_ASKED = "not-asked"


class Comparison(Struct, frozen=True):
    """The comparison.

    Attributes:
        agreement: in one word.
        text: in a sentence or two.
    """

    agreement: Agreement
    text: str


def said(line: LogLine) -> Said:
    """What became of the request by the line alone."""
    if _is_denied(line):
        return Said.DENIED
    if line.status in _REFUSALS and line.details == _PASSED_ON:
        return Said.REFUSED_BEHIND
    if line.flags or line.error or line.transport_failure or line.details.startswith("upstream_reset"):
        return Said.FAILED
    if line.status is not None:
        return Said.ARRIVED
    ended = line.duration_ms is not None
    ztunnels = line.format in (LogFormat.ZTUNNEL_TEXT, LogFormat.ZTUNNEL_JSON)
    return Said.ARRIVED if ended or ztunnels or line.verdict is Verdict.ENFORCED_ALLOWED else Said.UNCLEAR


def compared(line: LogLine, state: StateReport) -> Comparison:
    """The line against a state of the mesh."""
    found = _compared(line, state)
    stranger = _stranger(line, state)
    return Comparison(found.agreement, f"{found.text}. {stranger}") if stranger else found


def _stranger(line: LogLine, state: StateReport) -> str:
    """The line of a proxy that is not on the way is of another state of the mesh."""
    wanted = next((word for word in _PROXIES if line.reporter.value.startswith(word)), "")
    if not wanted or any(_PROXIES[wanted] in hop.proxy for hop in state.path):
        return ""
    return f"A {wanted} wrote the line, and in the mesh as read none is on the way: it is of another state"


def _compared(line: LogLine, state: StateReport) -> Comparison:
    told, verdict = said(line), state.verdict
    mesh = f"the mesh as read says: {state.why}"
    if verdict == "unknown" or told is Said.UNCLEAR:
        return Comparison(Agreement.UNKNOWN, f"the line says {told}; {mesh}")
    match told, verdict:
        case (Said.DENIED, "deny"):
            return _denied_by_both(line.policy, state)
        case (Said.ARRIVED, "allow") | (Said.FAILED, "unreachable"):
            return Comparison(Agreement.AGREES, f"the line says {told}, and so does the mesh as read: {state.why}")
        case (Said.REFUSED_BEHIND, "deny") if state.shape == str(line.status):
            return Comparison(Agreement.AGREES, f"the refusal comes from a proxy behind this one: {state.why}")
        case (Said.REFUSED_BEHIND, "allow"):
            text = "the mesh as read lets it through: the application itself refused it, or something changed"
            return Comparison(Agreement.UNEXPLAINED, text)
        case (Said.FAILED, "allow"):
            text = "the mesh as read would allow this: no policy or route explains the failure (see the causes above)"
            return Comparison(Agreement.UNEXPLAINED, text)
        case (Said.DENIED, _):
            would = "would allow this" if verdict == "allow" else f"says: {state.why}"
            text = f"the mesh as read {would}; the line says RBAC denied{_by(line.policy)}: {_CHANGED}"
            return Comparison(Agreement.CONTRADICTS, text)
        case _:
            return Comparison(Agreement.CONTRADICTS, f"the line says {told}; {mesh}. Either {_CHANGED}")


def _is_denied(line: LogLine) -> bool:
    told = line.details.startswith(_DENIED_DETAILS) or line.termination.startswith(_DENIED_DETAILS)
    return told or _REJECTED in line.error or line.verdict is Verdict.ENFORCED_DENIED


def _denied_by_both(policy: PolicyRule | None, state: StateReport) -> Comparison:
    decided = next((hop.decided_by.object for hop in state.path if hop.verdict == "deny"), None)
    if policy is None or decided is None or (decided.namespace, decided.name) == (policy.namespace, policy.name):
        return Comparison(Agreement.AGREES, f"both refuse it: {state.why}")
    text = f"both refuse it, but the line names {policy.namespace}/{policy.name} and the mesh as read {decided}"
    return Comparison(Agreement.AGREES, text)


def _by(policy: PolicyRule | None) -> str:
    return f" by {policy.namespace}/{policy.name}" if policy else ""
