"""What a VirtualService's HTTP rule does, apart from where it sends: copies, redirects, rewrites.

Source: pilot/pkg/networking/core/route/route.go; istio/api networking/v1alpha3/virtual_service.proto.
"""

import re
from collections.abc import Mapping
from typing import Any

from sidestep.semantics.routing.faults import percentage
from sidestep.semantics.routing.hosts import full_name
from sidestep.semantics.routing.rule import Mirror, Redirect, Rewrite, Target
from sidestep.semantics.routing.text_match import expression
from sidestep.semantics.trees import MalformedError, mapping, mappings, text, whole

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_TIME = re.compile(r"[+-]?(?:0+(?:\.0*)?(?:ns|us|µs|ms|s|m|h)?)+")
_SAME_PORT = "FROM_REQUEST_PORT"


def duration(value: object, field: str) -> str:
    """A time limit as written; empty for none, and for zero, which is none.

    Raises:
        MalformedError: it is no text.
    """
    written = text(value, field)
    return "" if _NO_TIME.fullmatch(written) else written


def target(value: object, field: str, namespace: str, domain: str) -> Target:
    """A Destination.

    Raises:
        MalformedError: a field has a wrong type.
    """
    tree = mapping(value, field)
    host = text(tree.get("host"), f"{field}.host")
    port = whole(mapping(tree.get("port"), f"{field}.port").get("number"), f"{field}.port.number")
    if not host:
        raise MalformedError(f"{field}.host: missing")
    subset = text(tree.get("subset"), f"{field}.subset")
    return Target(full_name(host, namespace, domain).lower(), port or None, subset=subset)


def mirrors(rule: Mapping[str, Any], field: str, namespace: str, domain: str) -> tuple[Mirror, ...]:
    """All copies of a rule: `mirror` and `mirrors`; a share of 0 % is none.

    Raises:
        MalformedError: a field has a wrong type.
    """
    found = []
    if rule.get("mirror") is not None:
        share = percentage(rule.get("mirrorPercentage"), f"{field}.mirrorPercentage")
        if share is None:
            old = whole(rule.get("mirrorPercent"), f"{field}.mirrorPercent")
            share = 100.0 if old is None else float(old)
        found.append(Mirror(target(rule["mirror"], f"{field}.mirror", namespace, domain), share))
    for at, each in enumerate(mappings(rule.get("mirrors"), f"{field}.mirrors")):
        where = f"{field}.mirrors[{at}]"
        share = percentage(each.get("percentage"), f"{where}.percentage")
        aim = target(each.get("destination"), f"{where}.destination", namespace, domain)
        found.append(Mirror(aim, 100.0 if share is None else share))
    return tuple(mirror for mirror in found if mirror.percent > 0)


def redirect(value: object, field: str) -> Redirect | None:
    """A redirect; None for none.

    Raises:
        MalformedError: a field has a wrong type, or Envoy has no such status.
    """
    if value is None:
        return None
    tree = mapping(value, field)
    status = whole(tree.get("redirectCode"), f"{field}.redirectCode") or 301
    if status not in REDIRECTS:
        raise MalformedError(f"{field}.redirectCode: {status} is not supported")
    port = whole(tree.get("port"), f"{field}.port") or 0
    if text(tree.get("derivePort"), f"{field}.derivePort") == _SAME_PORT:
        port = -1
    return Redirect(
        status,
        text(tree.get("scheme"), f"{field}.scheme"),
        text(tree.get("authority"), f"{field}.authority"),
        text(tree.get("uri"), f"{field}.uri"),
        port=port,
    )


def rewrite(value: object, field: str) -> tuple[Rewrite | None, str]:
    """What becomes of the path, and of the authority.

    Raises:
        MalformedError: a field has a wrong type, or RE2 refuses the expression.
    """
    tree = mapping(value, field)
    authority = text(tree.get("authority"), f"{field}.authority")
    replaced = tree.get("uriRegexRewrite")
    if replaced is not None:
        parts = mapping(replaced, f"{field}.uriRegexRewrite")
        pattern = expression(text(parts.get("match"), f"{field}.uriRegexRewrite.match"))
        if pattern.refused:
            raise MalformedError(f"{field}.uriRegexRewrite.match: RE2 refuses {pattern.text}")
        by = text(parts.get("rewrite"), f"{field}.uriRegexRewrite.rewrite")
        return Rewrite(pattern=pattern, substitution=by), authority
    uri = text(tree.get("uri"), f"{field}.uri")
    return (Rewrite(prefix=uri) if uri else None), authority
