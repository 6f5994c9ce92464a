"""RequestAuthentications that Istio's admission refuses.

Source: `ValidateRequestAuthentication` of Istio 1.31 (pkg/config/validation/validation.go).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sidestep.semantics.admission.fields import Found, attachment_refusals, duration_refusals
from sidestep.semantics.loose import as_dicts, as_text

_LISTS = ("audiences", "fromParams", "fromCookies", "spaceDelimitedClaims")
_SCHEMES = ("http", "https")


def request_refusals(spec: Mapping[str, Any]) -> Found:
    """Fields of a RequestAuthentication's spec that are refused, and why."""
    yield from attachment_refusals(spec)
    rules = spec.get("jwtRules")
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        at = f"jwtRules[{number}]"
        if isinstance(rule, dict):
            yield from _rule(rule, at)
        else:
            yield at, "a rule is no object"


def _rule(rule: dict[str, Any], at: str) -> Found:
    if not as_text(rule.get("issuer")) and not as_text(rule.get("jwksUri")):
        yield f"{at}.issuer", "there is neither an issuer nor a jwksUri"
    yield from _keys(rule, at)
    for name in _LISTS:
        values = rule.get(name)
        if isinstance(values, list) and "" in values:
            yield f"{at}.{name}", "a value is empty"
    for number, header in enumerate(as_dicts(rule.get("fromHeaders"))):
        if not as_text(header.get("name")):
            yield f"{at}.fromHeaders[{number}].name", "it must not be empty"
    for number, edit in enumerate(as_dicts(rule.get("outputClaimToHeaders"))):
        for name in ("header", "claim"):
            if not as_text(edit.get(name)):
                yield f"{at}.outputClaimToHeaders[{number}].{name}", "it must not be empty"
    yield from duration_refusals(rule.get("timeout"), f"{at}.timeout")


def _keys(rule: dict[str, Any], at: str) -> Found:
    uri, written = as_text(rule.get("jwksUri")), as_text(rule.get("jwks"))
    if uri and not _is_address(uri):
        yield f"{at}.jwksUri", f"{uri!r} is no address of http or https"
    if written and not _is_object(written):
        yield f"{at}.jwks", "it is no JSON object"


def _is_address(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.hostname)


def _is_object(written: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(written), dict)
    except msgspec.DecodeError:
        return False
