"""The policy behind a decision, as Envoy and ztunnel name it, and Envoy's debug log of the RBAC filter.

Source of the names: Istio's pilot/pkg/security/authz/builder (policyName) and ztunnel's
AuthorizationRejectionError (src/proxy.rs); of the debug log: Envoy's rbac_filter.cc for HTTP and for TCP.
"""

import re

from sidestep.explain.log_lines.line import LogFormat, LogLine, Party, PolicyRule, Verdict
from sidestep.explain.log_lines.values import address, cluster

DENIED = "rbac_access_denied"
ZTUNNEL_DENIED = "policy rejection"

_ISTIO_NAME = re.compile(r"ns\[([^\[\]]*)\]-policy\[([^\[\]]*)\]-rule\[([0-9]{1,6})\]")
_ZTUNNEL_NAME = re.compile(r"explicitly denied by: ([^\s/]+)/(\S+)")
_DETAILS = re.compile(rf'{DENIED}(?:_matched_policy\[[^\s"]*)?')
_DECISION = re.compile(r'\b((?:enforced|shadow) (?:allowed|denied))\b(?:, matched policy ([^\s",]+))?')
_CHECK = re.compile(r"\bchecking (?:request|connection): ")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{8,18}Z?")
_HEADER = re.compile(r"'(:authority|:path|:method|user-agent|x-request-id)', '([^'\n]*)'")


def policy_rule(told: str) -> PolicyRule | None:
    """The policy that Istio's name for a rule, or ztunnel's sentence, speaks of."""
    if match := _ISTIO_NAME.search(told):
        return PolicyRule(match[1], match[2], int(match[3]))
    match = _ZTUNNEL_NAME.search(told)
    return PolicyRule(match[1], match[2]) if match else None


def verdict(*told: str) -> Verdict | None:
    """Denied where details, termination or error say so; what else happened says nothing of policies."""
    denied = any(DENIED in each or ZTUNNEL_DENIED in each for each in told)
    return Verdict.ENFORCED_DENIED if denied else None


def rbac_line(text: str) -> LogLine | None:
    """A line of Envoy's RBAC debug log, or response code details alone."""
    time = _TIME.search(text)
    if match := _DECISION.search(text):
        name = match[2] or ""
        decided = Verdict(match[1])
        return LogLine(
            LogFormat.RBAC, time=time[0] if time else "", verdict=decided, policy=policy_rule(name), details=name
        )
    if match := _CHECK.search(text):
        return _check(text[match.end() :], time[0] if time else "")
    if match := _DETAILS.search(text):
        details = match[0]
        return LogLine(LogFormat.RBAC, details=details, verdict=Verdict.ENFORCED_DENIED, policy=policy_rule(details))
    return None


def _check(told: str, time: str) -> LogLine:
    """What the filter is about to judge; it names the request and not yet the decision."""
    headers = dict(_HEADER.findall(told))
    sni = _after(told, "requestedServerName")
    asked = cluster(sni)
    return LogLine(
        LogFormat.RBAC,
        time=time,
        method=headers.get(":method", ""),
        path=headers.get(":path", ""),
        authority=headers.get(":authority", ""),
        user_agent=headers.get("user-agent", ""),
        request_id=headers.get("x-request-id", ""),
        source=Party(address=address(_after(told, "sourceIP")), identity=_after(told, "uriSanPeerCertificate")),
        destination=Party(
            address=address(_after(told, "localAddress")),
            service=asked.host if asked else "",
            service_port=asked.port if asked else None,
        ),
        sni=sni,
    )


def _after(told: str, label: str) -> str:
    match = re.search(rf"\b{label}: ([^\s,]*)", told)
    return match[1] if match else ""
