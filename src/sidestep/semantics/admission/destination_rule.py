"""DestinationRules that Istio's admission refuses.

Source: `ValidateDestinationRule` of Istio 1.31 (pkg/config/validation/validation.go; `ValidateTLS` beside it).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.semantics.admission.fields import (
    Found,
    duration_refusals,
    export_refusals,
    host_refusals,
    label_refusals,
    port_refusals,
    selector_refusals,
    share_refusals,
)
from sidestep.semantics.loose import as_dict, as_dicts, as_text

_BY_PORT = ("outlierDetection", "connectionPool", "loadBalancer", "tls")
_ANY = (*_BY_PORT, "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget")
_COUNTS = (
    "http1MaxPendingRequests",
    "http2MaxRequests",
    "maxRequestsPerConnection",
    "maxRetries",
    "maxConcurrentStreams",
)
_OF_FILES = ("clientCertificate", "privateKey", "caCertificates", "caCrl")
_OF_CLIENTS = ("clientCertificate", "privateKey")


def rule_refusals(spec: Mapping[str, Any], namespace: str = "") -> Found:
    """Fields of a DestinationRule's spec that are refused, and why."""
    yield from host_refusals(spec.get("host"), "host")
    yield from _policy(spec.get("trafficPolicy"), "trafficPolicy")
    named: set[str] = set()
    subsets = spec.get("subsets")
    for number, subset in enumerate(subsets if isinstance(subsets, list) else []):
        at = f"subsets[{number}]"
        if not isinstance(subset, dict):
            yield at, "a subset is no object"
            continue
        name = as_text(subset.get("name"))
        yield from label_refusals(name, f"{at}.name")
        if name in named:
            yield f"{at}.name", f"{name!r} is there twice"
        named.add(name)
        yield from _policy(subset.get("trafficPolicy"), f"{at}.trafficPolicy")
    yield from export_refusals(spec, namespace)
    yield from selector_refusals(spec, "workloadSelector")


def _policy(value: object, at: str) -> Found:
    if value is None:
        return
    policy = as_dict(value)
    if all(policy.get(name) is None for name in _ANY):
        yield at, "it says nothing"
    if policy.get("tunnel") is not None and policy.get("proxyProtocol") is not None:
        yield f"{at}.tunnel", "tunnel and proxyProtocol exclude each other"
    yield from _settings(policy, at)
    for number, each in enumerate(as_dicts(policy.get("portLevelSettings"))):
        where = f"{at}.portLevelSettings[{number}]"
        if all(each.get(name) is None for name in _BY_PORT):
            yield where, "it says nothing"
        if each.get("port") is None:
            yield f"{where}.port", "it must be there"
        else:
            yield from port_refusals(as_dict(each["port"]).get("number"), f"{where}.port.number")
        yield from _settings(each, where)


def _settings(policy: dict[str, Any], at: str) -> Iterator[tuple[str, str]]:
    yield from _pool(policy.get("connectionPool"), f"{at}.connectionPool")
    yield from _outliers(as_dict(policy.get("outlierDetection")), f"{at}.outlierDetection")
    yield from _balancer(as_dict(policy.get("loadBalancer")), f"{at}.loadBalancer")
    yield from _tls(as_dict(policy.get("tls")), f"{at}.tls")


def _pool(value: object, at: str) -> Found:
    if value is None:
        return
    http, tcp = (as_dict(value).get(name) for name in ("http", "tcp"))
    if http is None and tcp is None:
        yield at, "it says nothing of http or tcp"
    for name in _COUNTS:
        if isinstance(count := as_dict(http).get(name), int) and count < 0:
            yield f"{at}.http.{name}", f"{count} is negative"
    yield from duration_refusals(as_dict(http).get("idleTimeout"), f"{at}.http.idleTimeout")
    if isinstance(count := as_dict(tcp).get("maxConnections"), int) and count < 0:
        yield f"{at}.tcp.maxConnections", f"{count} is negative"
    for name in ("connectTimeout", "maxConnectionDuration"):
        yield from duration_refusals(as_dict(tcp).get(name), f"{at}.tcp.{name}")


def _outliers(outliers: dict[str, Any], at: str) -> Found:
    for name in ("baseEjectionTime", "interval"):
        yield from duration_refusals(outliers.get(name), f"{at}.{name}")
    for name in ("maxEjectionPercent", "minHealthPercent"):
        yield from share_refusals(outliers.get(name), f"{at}.{name}")


def _balancer(balancer: dict[str, Any], at: str) -> Found:
    cookie = as_dict(balancer.get("consistentHash")).get("httpCookie")
    if cookie is not None and not as_text(as_dict(cookie).get("name")):
        yield f"{at}.consistentHash.httpCookie.name", "it must not be empty"
    warmup = balancer.get("warmup")
    if warmup is not None:
        yield from share_refusals(as_dict(warmup).get("minimumPercent"), f"{at}.warmup.minimumPercent")
        if as_dict(warmup).get("duration") is None:
            yield f"{at}.warmup.duration", "it must be there"
        yield from duration_refusals(as_dict(warmup).get("duration"), f"{at}.warmup.duration")


def _tls(tls: dict[str, Any], at: str) -> Found:
    """Who names a credential names no files; MUTUAL needs one or the others."""
    mode = as_text(tls.get("mode"))
    if mode in ("SIMPLE", "MUTUAL") and as_text(tls.get("credentialName")):
        if any(as_text(tls.get(name)) for name in _OF_FILES):
            yield f"{at}.credentialName", "a credential and files exclude each other"
    elif mode == "MUTUAL":
        for name in _OF_CLIENTS:
            if not as_text(tls.get(name)):
                yield f"{at}.{name}", "MUTUAL needs it"
