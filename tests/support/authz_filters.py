"""Envoy's RBAC filters for AuthorizationPolicies, as istiod writes them: without our own reading of policies.

`tests/differential/test_proofs.py` holds them against Istio's own filters.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.support.authz_corpus import Tree
from tests.support.envoy_config import HTTP_RBAC, JWT_FILTER

_TYPE = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"
_TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
_SHADOW = "istio_dry_run_allow_"
_ANY: Tree = {"any": True}
_REGEX = ".+"
_Matcher = Callable[[str], Tree]


def filters(policies: Iterable[Tree]) -> list[Tree]:
    """The filters of one chain: DENY before ALLOW; none where no policy is there."""
    found: dict[str, list[Tree]] = {}
    for each in policies:
        found.setdefault(each["spec"].get("action") or "ALLOW", []).append(each)
    unknown = found.keys() - {"ALLOW", "DENY"}
    assert not unknown, f"no filters for {unknown}"
    return [_filter(action, found[action]) for action in ("DENY", "ALLOW") if action in found]


def _filter(action: str, policies: Sequence[Tree]) -> Tree:
    rules: Tree = {
        f"ns[{_meta(each)['namespace']}]-policy[{_meta(each)['name']}]-rule[{number}]": _rule(
            rule or {}, _meta(each)["namespace"]
        )
        for each in policies
        for number, rule in enumerate(each["spec"].get("rules") or ())
    }
    said: Tree = {"policies": rules} if rules else {}
    if action == "DENY":
        said["action"] = action
    return {"name": HTTP_RBAC, "typedConfig": {"@type": _TYPE, "rules": said, "shadowRulesStatPrefix": _SHADOW}}


def _meta(policy: Tree) -> Tree:
    found: Tree = policy["metadata"]
    return found


def _rule(rule: Tree, namespace: str) -> Tree:
    whens = [(when["key"], when) for when in rule.get("when") or ()]
    connection = [
        part
        for key, when in whens
        if key.startswith(_CONNECTION)
        for part in _condition(key, when, namespace, _permission)
    ]
    other = [
        part
        for key, when in whens
        if not key.startswith(_CONNECTION)
        for part in _condition(key, when, namespace, _principal)
    ]
    operations = [each.get("operation") or {} for each in rule.get("to") or ()] or [{}]
    sources = [each.get("source") or {} for each in rule.get("from") or ()] or [{}]
    return {
        "permissions": [
            _all("andRules", "rules", [*_fields(each, _OPERATIONS, namespace, _permission), *connection])
            for each in operations
        ],
        "principals": [
            _all("andIds", "ids", [*_fields(each, _SOURCES, namespace, _principal), *other]) for each in sources
        ],
    }


def _all(name: str, inner: str, parts: list[Tree]) -> Tree:
    return {name: {inner: parts or [_ANY]}}


def _fields(of: Tree, known: dict[str, Callable[[str], _Matcher]], namespace: str, side: "_Side") -> Iterable[Tree]:
    unknown = {name for name in of if _positive(name) not in known}
    assert not unknown, f"no matcher for {unknown}"
    for name, values in of.items():
        if values:
            found = _any(values, known[_positive(name)](namespace), side)
            yield side[2](found) if name.startswith("not") else found


def _positive(name: str) -> str:
    return f"{name[3].lower()}{name[4:]}" if name.startswith("not") else name


def _any(values: Sequence[str], matcher: _Matcher, side: "_Side") -> Tree:
    return {side[0]: {side[1]: [matcher(value) for value in values]}}


def _condition(key: str, when: Tree, namespace: str, side: "_Side") -> Iterable[Tree]:
    for name, negative in (("values", False), ("notValues", True)):
        values = when.get(name) or ()
        if values:
            found = _of_key(key, values, namespace, side)
            yield side[2](found) if negative else found


def _of_key(key: str, values: Sequence[str], namespace: str, side: "_Side") -> Tree:
    name, bracket, rest = key.partition("[")
    if name == "request.headers":
        header = rest.removesuffix("]")
        return _any(values, lambda value: _header(header, value), side)
    if name == "request.auth.claims" or key in _TOKEN:
        path = _TOKEN.get(key) or rest.removesuffix("]").split("][")
        return _metadata(JWT_FILTER, ["payload", *path], _texts(values, lists=True))
    if bracket:
        return _metadata(name.removeprefix("experimental."), [rest.removesuffix("]")], _texts(values, lists=False))
    return _any(values, _KEYS[key](namespace), side)


def _texts(values: Sequence[str], *, lists: bool) -> Tree:
    either = {"orMatch": {"valueMatchers": [{"stringMatch": _text(value)} for value in values]}}
    return {"orMatch": {"valueMatchers": [{"listMatch": {"oneOf": either}}, either]}} if lists else either


def _text(value: str, **more: Any) -> Tree:
    if value == "*":
        return {"safeRegex": {"regex": _REGEX}}
    if value.startswith("*"):
        return {"suffix": value[1:], **more}
    return {"prefix": value[:-1], **more} if value.endswith("*") else {"exact": value, **more}


def _header(name: str, value: str, **more: Any) -> Tree:
    how: Tree = {"presentMatch": True} if value == "*" else {"stringMatch": _text(value, **more)}
    return {"header": {"name": name, **how}}


def _path(value: str) -> Tree:
    if "{*}" in value or "{**}" in value:
        template = value.replace("{**}", "**").replace("{*}", "*")
        return {"uriTemplate": {"name": "uri-template", "typedConfig": {"@type": _TEMPLATE, "pathTemplate": template}}}
    return {"urlPath": {"path": _text(value)}}


def _name(text: Tree) -> Tree:
    return {"authenticated": {"principalName": text}}


def _spiffe(value: str) -> Tree:
    if value == "*":
        return _name(_text("*"))
    if value.startswith("*"):
        return _name({"safeRegex": {"regex": f"spiffe://.*{value[1:]}"}})
    return _name(_text(f"spiffe://{value}"))


def _namespace(value: str) -> Tree:
    literal = ".*".join(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", part) for part in value.split("*"))
    return _name({"safeRegex": {"regex": f".*/ns/{literal}/.*"}})


def _account(value: str, namespace: str) -> Tree:
    space, _, account = value.rpartition("/")
    return _name({"safeRegex": {"regex": f"spiffe://.+/ns/{space or namespace}/(.+/|)sa/{account}(/.+)?"}})


def _subject(value: str) -> Tree:
    """Issuer and subject: each by the half of the pattern that it is in."""
    if value == "*":
        texts = ("*", "*")
    elif value.startswith("*"):
        texts = ("*", value)
    else:
        issuer, slash, subject = value.rpartition("/")
        texts = (issuer, subject) if slash else (value, "*" if value.endswith("*") else "")
    parts = [
        _metadata(JWT_FILTER, ["payload", key], {"stringMatch": _text(text)})
        for key, text in zip(("iss", "sub"), texts, strict=True)
    ]
    return {"andIds": {"ids": parts}}


def _metadata(name: str, path: Sequence[str], value: Tree) -> Tree:
    return {"metadata": {"filter": name, "path": [{"key": key} for key in path], "value": value}}


def _block(name: str) -> Callable[[str], _Matcher]:
    return lambda _: lambda value: {name: _cidr(value)}


def _cidr(value: str) -> Tree:
    address, _, length = value.partition("/")
    return {"addressPrefix": address, "prefixLen": int(length or (128 if ":" in address else 32))}


def _plain(matcher: _Matcher) -> Callable[[str], _Matcher]:
    return lambda _: matcher


_Side = tuple[str, str, Callable[[Tree], Tree]]
_permission: _Side = ("orRules", "rules", lambda found: {"notRule": found})
_principal: _Side = ("orIds", "ids", lambda found: {"notId": found})
_port = _plain(lambda value: {"destinationPort": int(value)})
_CONNECTION = ("destination.", "connection.", "experimental.")
_TOKEN = {"request.auth.audiences": ["aud"], "request.auth.presenter": ["azp"]}
_OPERATIONS: dict[str, Callable[[str], _Matcher]] = {
    "hosts": _plain(lambda value: _header(":authority", value, ignoreCase=True)),
    "methods": _plain(lambda value: _header(":method", value)),
    "paths": _plain(_path),
    "ports": _port,
}
_SOURCES: dict[str, Callable[[str], _Matcher]] = {
    "principals": _plain(_spiffe),
    "namespaces": _plain(_namespace),
    "serviceAccounts": lambda namespace: lambda value: _account(value, namespace),
    "requestPrincipals": _plain(_subject),
    "ipBlocks": _block("directRemoteIp"),
    "remoteIpBlocks": _block("remoteIp"),
}
_KEYS: dict[str, Callable[[str], _Matcher]] = {
    "source.principal": _SOURCES["principals"],
    "source.namespace": _SOURCES["namespaces"],
    "source.serviceAccount": _SOURCES["serviceAccounts"],
    "source.ip": _SOURCES["ipBlocks"],
    "remote.ip": _SOURCES["remoteIpBlocks"],
    "request.auth.principal": _SOURCES["requestPrincipals"],
    "destination.ip": _block("destinationIp"),
    "destination.port": _port,
    "connection.sni": _plain(lambda value: {"requestedServerName": _text(value)}),
}
