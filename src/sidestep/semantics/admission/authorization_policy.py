"""AuthorizationPolicies that Istio's admission refuses.

Source: `ValidateAuthorizationPolicy` of Istio 1.31 (pkg/config/validation/validation.go, pkg/config/security), and
istio-semantics.md §3.1.
"""

from collections.abc import Mapping
from typing import Any

from sidestep.semantics.admission.fields import Found, attachment_refusals
from sidestep.semantics.authorization.matchers import is_cidr
from sidestep.semantics.authorization.values import port_number
from sidestep.semantics.loose import as_dict, as_strings, as_text

_IPS = frozenset({"ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"})
_PORTS = frozenset({"ports", "notPorts"})
_ACCOUNTS = frozenset({"serviceAccounts", "notServiceAccounts"})
_TRUST_DOMAINS = frozenset({"trustDomains", "notTrustDomains"})
_NAMED = frozenset({"principals", "notPrincipals", "namespaces", "notNamespaces"})
_IDENTITIES = _NAMED | _ACCOUNTS | _TRUST_DOMAINS | {"requestPrincipals", "notRequestPrincipals"}
_BRACKETED = ("request.headers", "request.auth.claims", "experimental.")
_PLAIN = frozenset({
    "source.ip", "remote.ip", "source.namespace", "source.serviceAccount", "source.principal", "source.trustDomain",
    "request.auth.principal", "request.auth.audiences", "request.auth.presenter", "destination.ip", "destination.port",
    "connection.sni",
})  # fmt: skip
_BY_KEY = {
    "source.ip": "ipBlocks", "remote.ip": "ipBlocks", "destination.ip": "ipBlocks", "destination.port": "ports",
    "source.serviceAccount": "serviceAccounts",
}  # fmt: skip
_NOT_CUSTOM = frozenset({"source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"})
_MOST_RULES, _MOST_ACCOUNTS = 512, 16


def policy_refusals(spec: Mapping[str, Any]) -> Found:
    """Fields of an AuthorizationPolicy's spec that are refused, and why."""
    yield from attachment_refusals(spec)
    action, rules = as_text(spec.get("action")) or "ALLOW", spec.get("rules")
    if action in ("DENY", "CUSTOM") and rules is None:
        yield "rules", f"{action} without rules never holds; an empty rule `{{}}` is for every request"
    if action == "CUSTOM" and rules is not None and not as_text(as_dict(spec.get("provider")).get("name")):
        yield "provider.name", "CUSTOM needs the name of a provider"
    if action != "CUSTOM" and spec.get("provider") is not None:
        yield "provider", f"a provider is for CUSTOM, not for {action}"
    listed = rules if isinstance(rules, list) else []
    if len(listed) > _MOST_RULES:
        yield "rules", f"there are more than {_MOST_RULES}"
    for number, rule in enumerate(listed):
        at = f"rules[{number}]"
        if not isinstance(rule, dict):
            yield at, "a rule is no object"
            continue
        yield from _parts(rule.get("from"), f"{at}.from", "source", is_custom=action == "CUSTOM")
        yield from _parts(rule.get("to"), f"{at}.to", "operation", is_custom=False)
        yield from _conditions(rule.get("when"), f"{at}.when", is_custom=action == "CUSTOM")


def _parts(value: object, at: str, name: str, *, is_custom: bool) -> Found:
    """Sources or operations of a rule."""
    if isinstance(value, list) and not value:
        yield at, "an empty list; leave it out, or say at least one"
    for number, part in enumerate(value if isinstance(value, list) else []):
        here, fields = f"{at}[{number}].{name}", as_dict(as_dict(part).get(name))
        if not any(fields.values()):
            yield here, "it says nothing"
        if fields.keys() & _NAMED and fields.keys() & _ACCOUNTS:
            yield here, "serviceAccounts cannot stand beside principals or namespaces"
        for field, values in fields.items():
            if is_custom and values and field in _IDENTITIES:
                yield f"{here}.{field}", "CUSTOM does not ask for identities"
            yield from _values(field, values, f"{here}.{field}")


def _values(field: str, values: object, at: str) -> Found:
    written = as_strings(values)
    if field in _ACCOUNTS and len(written) > _MOST_ACCOUNTS:
        yield at, f"there are more than {_MOST_ACCOUNTS}"
    for value in written:
        if why := _wrong(field, value):
            yield at, f"{value!r} {why}"


def _wrong(field: str, value: str) -> str:
    """What is wrong with a value, in words; empty if nothing is."""
    if not value:
        return "is empty"
    if field in _IPS and not is_cidr(value):
        return "is no IP address and no CIDR block"
    if field in _PORTS and port_number(value) is None:
        return "is no port"
    if field in _ACCOUNTS and ("*" in value or value.count("/") > 1):
        return "is no account, nor namespace/account"
    if field in _TRUST_DOMAINS and ("/" in value or value.count("*") > 1):
        return "is no trust domain"
    return ""


def _conditions(value: object, at: str, *, is_custom: bool) -> Found:
    for number, condition in enumerate(value if isinstance(value, list) else []):
        fields, here = as_dict(condition), f"{at}[{number}]"
        key = as_text(fields.get("key"))
        if not _is_key(key):
            yield f"{here}.key", f"{key!r} is no attribute that a policy can ask for"
        elif is_custom and (key in _NOT_CUSTOM or key.startswith("request.auth.")):
            yield f"{here}.key", f"CUSTOM does not ask for {key}"
        elif not (fields.get("values") or fields.get("notValues")):
            yield here, "it has neither values nor notValues"
        for name in ("values", "notValues"):
            yield from _values(_BY_KEY.get(key, ""), fields.get(name), f"{here}.{name}")


def _is_key(key: str) -> bool:
    if key.startswith(_BRACKETED):
        return key.endswith("]") and 0 < key.find("[") < len(key) - 2
    return key in _PLAIN
