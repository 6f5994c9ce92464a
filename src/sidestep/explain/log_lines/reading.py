"""What a line means: each thing in it that says how the request went, in a sentence."""

import re
from collections.abc import Iterator

from sidestep.explain.log_lines.details import DETAILS, RESETS
from sidestep.explain.log_lines.flags import FLAGS
from sidestep.explain.log_lines.line import LogFormat, LogLine, PolicyRule, Reporter, Verdict
from sidestep.explain.log_lines.meaning import Meaning, Statement, find
from sidestep.explain.log_lines.policies import DENIED
from sidestep.explain.log_lines.transport import TRANSPORT
from sidestep.explain.log_lines.ztunnel_errors import ERRORS, WRAPPERS

_STATIC_STRICT = "istio_converted_static_strict"
_CONVERTED = "converted_peer_authentication_"
_NO_POLICY = "matched_policy[none]"
_BAD_CUSTOM = "deny-due-to-bad-CUSTOM-action"
_CUSTOM = "istio-ext-authz"
_BASE = re.compile(r"[^{(\[.]*")
_PASSED_ON = "via_upstream"
_FAILED = 400
_ANSWERED_BEHIND = ("the app answered so, or the next proxy on the way did, whose line has the same request id",)
_UNKNOWN_FLAG: Meaning = ("Not one of Envoy's flags; a filter that was added to it may set its own.", ())
_UNKNOWN_DETAILS: Meaning = ("Not among the details that Envoy's own filters are known to give.", ())
_UNKNOWN_ERROR: Meaning = ("Not among the errors that ztunnel is known to write.", ())
_UNKNOWN_TRANSPORT: Meaning = ("TCP or TLS to the endpoint failed in a way that has no entry here.", ())


def explain_line(line: LogLine) -> tuple[Statement, ...]:
    """What the line says, the decision of policies first; never empty."""
    said = (*_policies(line), *_flags(line), *_details(line), *_transport(line), *_error(line))
    return said or (_nothing(line),)


def _policies(line: LogLine) -> Iterator[Statement]:
    """Which policy decided, as far as told."""
    if line.policy:
        yield _named(line.policy, line)
    elif line.verdict is Verdict.ENFORCED_DENIED and _matched_none(line):
        yield Statement(
            "matched policy none",
            "No policy denied it by name: ALLOW policies apply here and no rule of theirs fits.",
            (
                "no rule names this client, path, method or port",
                "the client's identity is missing, because it came in plain text",
            ),
        )
    elif line.verdict and _is_decision(line):
        yield Statement(line.verdict, _DECIDED[line.verdict])
    if _is_anonymous(line):
        yield Statement(
            "src.identity",
            "The client came in plain text, so it has no identity: rules by principal, namespace or service account "
            "cannot fit it.",
            ("the client is not in the mesh, or its sidecar speaks no HBONE", "the client's pod is not enrolled yet"),
        )


def _matched_none(line: LogLine) -> bool:
    """Envoy's word for a request that was refused for want of an ALLOW rule, in its log and in details."""
    return line.details == "none" or _NO_POLICY in line.details + line.termination


def _is_decision(line: LogLine) -> bool:
    """Whether it is of the debug log, whose details are the name of a policy or nothing."""
    return line.format is LogFormat.RBAC and not line.details.startswith(DENIED)


_DECIDED = {
    Verdict.ENFORCED_ALLOWED: "Policies let the request through at this proxy.",
    Verdict.ENFORCED_DENIED: "Policies refused the request at this proxy.",
    Verdict.SHADOW_ALLOWED: "A dry run would have let the request through; it decides nothing.",
    Verdict.SHADOW_DENIED: "A dry run would have refused the request; it decides nothing.",
}


def _named(policy: PolicyRule, line: LogLine) -> Statement:
    name = f"{policy.namespace}/{policy.name}"
    if policy.name == _STATIC_STRICT or policy.name.startswith(_CONVERTED):
        return Statement(
            name,
            "PeerAuthentication STRICT refused the connection: ztunnel gets it as a policy that denies plain text.",
            ("a client outside the mesh, or one whose sidecar was removed before its pod was enrolled",),
        )
    if _BAD_CUSTOM in line.details + line.termination:
        return Statement(
            name,
            "A CUSTOM policy refuses everything, for its provider is not defined.",
            ("extensionProviders of the mesh configuration lack it, or one workload has several of them",),
        )
    if _CUSTOM in line.details and line.verdict is Verdict.SHADOW_DENIED:
        return Statement(name, "This CUSTOM policy fits the request, so its provider is asked.")
    rule = "" if policy.rule is None else f", rule {policy.rule + 1} of its list"
    decided = _DECIDED[line.verdict or Verdict.ENFORCED_DENIED].removesuffix(".")
    return Statement(name, f"{decided}; AuthorizationPolicy {name}{rule}.")


def _is_anonymous(line: LogLine) -> bool:
    inbound = line.reporter is Reporter.ZTUNNEL_INBOUND
    return inbound and line.verdict is Verdict.ENFORCED_DENIED and not line.source.identity


def _flags(line: LogLine) -> Iterator[Statement]:
    for flag in line.flags:
        yield Statement(flag, *FLAGS.get(flag, _UNKNOWN_FLAG))


def _details(line: LogLine) -> Iterator[Statement]:
    """Details and termination, and the reason within a reset."""
    if _is_decision(line):
        return
    for told in (line.details, line.termination):
        if told:
            meaning, causes = DETAILS.get(_base(told)) or find(told, TRANSPORT) or _UNKNOWN_DETAILS
            failed_behind = told == _PASSED_ON and (line.status or 0) >= _FAILED
            yield Statement(told, meaning, _ANSWERED_BEHIND if failed_behind else causes)
        reason = re.split(r"[|,}]", told.partition("{")[2], maxsplit=1)[0].replace(" ", "_")
        if told.startswith("upstream_reset") and reason in RESETS:
            yield Statement(reason, *RESETS[reason])


def _base(details: str) -> str:
    """The name before the first bracket or dot, less the policy that RBAC adds."""
    match = _BASE.match(details)
    return match[0].removesuffix("_matched_policy") if match else ""


def _transport(line: LogLine) -> Iterator[Statement]:
    """The failure that Envoy logs on its own, or within the details of a reset where a format leaves it out."""
    within = line.details.partition("{")[2].partition("|")[2].rstrip("}")
    told = line.transport_failure or within
    if told:
        yield Statement(told, *(find(told, TRANSPORT) or _UNKNOWN_TRANSPORT))


def _error(line: LogLine) -> Iterator[Statement]:
    if not line.error:
        return
    proper = line.error
    for wrapper in WRAPPERS:
        proper = proper.removeprefix(wrapper)
    yield Statement(line.error, *(find(proper, ERRORS) or find(proper, TRANSPORT) or _UNKNOWN_ERROR))


def _nothing(line: LogLine) -> Statement:
    if line.reporter in {Reporter.ZTUNNEL_INBOUND, Reporter.ZTUNNEL_OUTBOUND}:
        return Statement("no error", "The connection was let through and ended without an error.")
    return Statement("no flags", "Nothing in the line says that this proxy refused the request or failed at it.")
