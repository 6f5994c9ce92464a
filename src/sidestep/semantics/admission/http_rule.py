"""Rules for HTTP of a VirtualService, as admission judges them.

Source: `validateHTTPRoute` and what it calls, of Istio 1.31 (pkg/config/validation/virtualservice.go, validation.go).
"""

from typing import Any

from sidestep.semantics.admission.fields import (
    Found,
    duration_refusals,
    pattern_refusals,
    port_refusals,
    share_refusals,
)
from sidestep.semantics.admission.weights import destination_refusals, weight_refusals
from sidestep.semantics.loose import as_dict, as_dicts, as_text

_ANSWERS = ("redirect", "directResponse")
_BESIDE_ANSWERS = ("route", "fault", "rewrite")
_TEXTS = ("scheme", "method", "authority")
_BY_NAME = ("headers", "withoutHeaders", "queryParams")
_REDIRECTS = ("uri", "prefixRewrite", "authority", "port", "derivePort", "scheme")
_FIRST_STATUS, _FIRST_REDIRECT, _LAST_STATUS = 200, 300, 600


def http_refusals(rule: dict[str, Any], at: str, *, is_delegate: bool) -> Found:
    """Fields of a rule that are refused, and why."""
    yield from _conflicts(rule, at, is_delegate=is_delegate)
    for number, match in enumerate(as_dicts(rule.get("match"))):
        yield from _match(match, f"{at}.match[{number}]")
    yield from _answers(rule, at)
    yield from _copies(rule, at)
    yield from _retries(as_dict(rule.get("retries")), f"{at}.retries")
    yield from _rewrite(rule.get("rewrite"), f"{at}.rewrite")
    yield from _fault(rule.get("fault"), f"{at}.fault")
    yield from weight_refusals(rule.get("route"), f"{at}.route")
    yield from duration_refusals(rule.get("timeout"), f"{at}.timeout")
    yield from duration_refusals(as_dict(rule.get("corsPolicy")).get("maxAge"), f"{at}.corsPolicy.maxAge")


def _conflicts(rule: dict[str, Any], at: str, *, is_delegate: bool) -> Found:
    if rule.get("delegate") is not None:
        if is_delegate:
            yield f"{at}.delegate", "a delegate has no delegates"
        else:
            for name in ("redirect", "route"):
                if rule.get(name) is not None:
                    yield f"{at}.{name}", "a rule with a delegate leaves that to it"
            return
    given = [name for name in _ANSWERS if rule.get(name) is not None]
    if len(given) > 1:
        yield f"{at}.{given[1]}", f"only one of {' and '.join(given)} can be there"
    for name in _BESIDE_ANSWERS:
        if given and rule.get(name):
            yield f"{at}.{name}", f"it cannot stand beside {given[0]}"
    if not given and not rule.get("route"):
        yield at, "it must have a route, a redirect or a directResponse"


def _match(match: dict[str, Any], at: str) -> Found:
    yield from _text(match.get("uri"), f"{at}.uri", may_be_empty=True)
    for name in _TEXTS:
        yield from _text(match.get(name), f"{at}.{name}")
    for group in _BY_NAME:
        for name, value in as_dict(match.get(group)).items():
            anything = group == "withoutHeaders" and as_dict(value).get("regex") == "*"
            yield from () if anything else _text(value, f"{at}.{group}.{name}")
    if match.get("port"):
        yield from port_refusals(match["port"], f"{at}.port")


def _text(value: object, at: str, *, may_be_empty: bool = False) -> Found:
    condition = as_dict(value)
    if condition.get("prefix") == "" and not may_be_empty:
        yield f"{at}.prefix", "a beginning must not be empty"
    if condition.get("regex") is not None:
        yield from pattern_refusals(condition["regex"], f"{at}.regex")


def _answers(rule: dict[str, Any], at: str) -> Found:
    redirect, answer = rule.get("redirect"), rule.get("directResponse")
    if redirect is not None and not any(as_dict(redirect).get(name) for name in _REDIRECTS):
        yield f"{at}.redirect", "it leads nowhere else"
    code = as_dict(redirect).get("redirectCode")
    if isinstance(code, int) and code and not _FIRST_REDIRECT <= code < _FIRST_REDIRECT + 100:
        yield f"{at}.redirect.redirectCode", f"{code} is no status of a redirect"
    if answer is not None:
        yield from _status(as_dict(answer).get("status"), f"{at}.directResponse.status")


def _status(status: object, at: str) -> Found:
    if not isinstance(status, int) or not _FIRST_STATUS <= status <= _LAST_STATUS:
        yield at, f"{status!r} is no status from {_FIRST_STATUS} to {_LAST_STATUS - 1}"


def _copies(rule: dict[str, Any], at: str) -> Found:
    if rule.get("mirror") is not None and rule.get("mirrors"):
        yield f"{at}.mirrors", "mirror and mirrors exclude each other"
    yield from destination_refusals(rule.get("mirror"), f"{at}.mirror")
    yield from share_refusals(rule.get("mirrorPercent"), f"{at}.mirrorPercent")
    yield from share_refusals(as_dict(rule.get("mirrorPercentage")).get("value"), f"{at}.mirrorPercentage")
    for number, each in enumerate(as_dicts(rule.get("mirrors"))):
        here = f"{at}.mirrors[{number}]"
        if each.get("destination") is None:
            yield f"{here}.destination", "it must be there"
        yield from destination_refusals(each.get("destination"), f"{here}.destination")
        yield from share_refusals(as_dict(each.get("percentage")).get("value"), f"{here}.percentage")


def _retries(retries: dict[str, Any], at: str) -> Found:
    attempts = retries.get("attempts") or 0
    if isinstance(attempts, int) and attempts < 0:
        yield f"{at}.attempts", f"{attempts} is negative"
    unused = [name for name in ("perTryTimeout", "retryOn", "retryRemoteLocalities") if retries.get(name) is not None]
    if not attempts and unused and any(retries[name] != "" for name in unused):
        yield f"{at}.attempts", f"0 is none, and {unused[0]} says how"
    for name in ("perTryTimeout", "backoff"):
        yield from duration_refusals(retries.get(name), f"{at}.{name}")


def _rewrite(value: object, at: str) -> Found:
    if value is None:
        return
    rewrite = as_dict(value)
    uri, by_pattern = as_text(rewrite.get("uri")), rewrite.get("uriRegexRewrite")
    if uri and by_pattern is not None:
        yield f"{at}.uri", "uri and uriRegexRewrite exclude each other"
    if not uri and by_pattern is None and not as_text(rewrite.get("authority")):
        yield at, "it says nothing"
    if by_pattern is not None:
        yield from pattern_refusals(as_dict(by_pattern).get("match"), f"{at}.uriRegexRewrite.match")
        if not as_text(as_dict(by_pattern).get("rewrite")):
            yield f"{at}.uriRegexRewrite.rewrite", "it must not be empty"


def _fault(value: object, at: str) -> Found:
    if value is None:
        return
    abort, delay = (as_dict(value).get(name) for name in ("abort", "delay"))
    if abort is None and delay is None:
        yield at, "it has neither an abort nor a delay"
    for name, each in (("abort", as_dict(abort)), ("delay", as_dict(delay))):
        yield from share_refusals(as_dict(each.get("percentage")).get("value"), f"{at}.{name}.percentage")
    if as_dict(abort).get("httpStatus") is not None:
        yield from _status(as_dict(abort)["httpStatus"], f"{at}.abort.httpStatus")
    yield from duration_refusals(as_dict(delay).get("fixedDelay"), f"{at}.delay.fixedDelay")
