"""The HTTP rules of a VirtualService, compiled. A rule that cannot be read is kept, and says why.

Source: pilot/pkg/networking/core/route/route.go; istio-semantics.md §4.3.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import Labels, ObjectId
from sidestep.semantics.routing.actions import duration, mirrors, redirect, rewrite, target
from sidestep.semantics.routing.cors import cors_policy
from sidestep.semantics.routing.edits import edits
from sidestep.semantics.routing.faults import faults
from sidestep.semantics.routing.gateway_names import gateway_names
from sidestep.semantics.routing.http_match import HttpMatch, NamedMatch
from sidestep.semantics.routing.retry_policy import NO_RETRIES, retries
from sidestep.semantics.routing.route import RouteSource
from sidestep.semantics.routing.rule import HttpEntry, HttpRule, Target
from sidestep.semantics.routing.text_match import Form, TextMatch, expression, form_of, text_match
from sidestep.semantics.trees import MalformedError, flag, items, mapping, mappings, text, whole
from sidestep.semantics.versions import IstioVersion

_CLAIMS = "@request.auth.claims"
_PSEUDO = {"method": ":method", "authority": ":authority", "scheme": ":scheme"}


class Reading(Struct, frozen=True):
    """What the compilation of an object needs to know besides the object.

    Attributes:
        object: that is compiled.
        namespace: in which its short names are resolved.
        domain: the cluster's.
        version: of Istio.
    """

    object: ObjectId
    namespace: str
    domain: str
    version: IstioVersion


def http_entries(rule: Mapping[str, Any], place: str, reading: Reading) -> Iterator[HttpEntry]:
    """Every match of a rule, in order."""
    compiled = _rule(rule, place, reading)
    try:
        listed = items(rule.get("match"), f"{place}.match")
    except MalformedError as error:
        yield HttpEntry(_broken(place, reading, error), HttpMatch())
        return
    if not listed:
        yield HttpEntry(compiled, HttpMatch())
    for at, each in enumerate(listed):
        try:
            yield HttpEntry(compiled, http_match(each, at, place, reading.namespace))
        except MalformedError as error:
            yield HttpEntry(_broken(place, reading, error), HttpMatch(f"match[{at}]"))


def broken_entry(place: str, reading: Reading, why: str) -> HttpEntry:
    """A rule of which nothing can be told, so that it may take everything."""
    return HttpEntry(_broken(place, reading, why), HttpMatch())


def _broken(place: str, reading: Reading, why: object) -> HttpRule:
    return HttpRule(RouteSource.VIRTUAL_SERVICE, reading.object, place, broken=f"{reading.object}: {why}")


def _rule(rule: Mapping[str, Any], place: str, reading: Reading) -> HttpRule:
    try:
        return _read_rule(rule, place, reading)
    except MalformedError as error:
        return _broken(place, reading, error)


def _read_rule(rule: Mapping[str, Any], place: str, reading: Reading) -> HttpRule:
    headers = edits(rule.get("headers"), f"{place}.headers")
    answer = redirect(rule.get("redirect"), f"{place}.redirect")
    direct, body = (None, b"") if answer else _direct(rule.get("directResponse"), f"{place}.directResponse")
    base = HttpRule(
        RouteSource.VIRTUAL_SERVICE,
        reading.object,
        text(rule.get("name"), f"{place}.name") or place,
        redirect=answer,
        direct=direct,
        body=body,
        request_edits=headers.request,
        response_edits=headers.response,
        retries=NO_RETRIES,
        faults=faults(rule.get("fault"), f"{place}.fault"),
        cors=cors_policy(rule.get("corsPolicy"), f"{place}.corsPolicy"),
    )
    if answer is not None or direct is not None:
        return base
    return _with_destinations(base, rule, place, reading, headers.authority)


def _with_destinations(
    base: HttpRule, rule: Mapping[str, Any], place: str, reading: Reading, authority: str
) -> HttpRule:
    path, rewritten = rewrite(rule.get("rewrite"), f"{place}.rewrite")
    targets = destinations(rule.get("route"), f"{place}.route", reading)
    if not targets:
        raise MalformedError(f"{place}: neither a destination with a weight nor a redirect nor a directResponse")
    single = targets[0].authority if len(targets) == 1 else ""
    return HttpRule(
        base.source,
        base.object,
        base.place,
        targets,
        rewrite=path,
        authority=rewritten or authority or single,
        timeout=duration(rule.get("timeout"), f"{place}.timeout"),
        retries=retries(rule.get("retries"), f"{place}.retries", reading.version),
        mirrors=mirrors(rule, place, reading.namespace, reading.domain),
        request_edits=base.request_edits,
        response_edits=base.response_edits,
        faults=base.faults,
        cors=base.cors,
    )


def destinations(value: object, field: str, reading: Reading) -> tuple[Target, ...]:
    """Weighted destinations: a single one gets everything whatever its weight, of several those with a weight.

    Raises:
        MalformedError: a field has a wrong type.
    """
    listed = mappings(value, field)
    found = []
    for at, each in enumerate(listed):
        where = f"{field}[{at}]"
        aim = target(each.get("destination"), f"{where}.destination", reading.namespace, reading.domain)
        weight = whole(each.get("weight"), f"{where}.weight") or 0
        headers = edits(each.get("headers"), f"{where}.headers")
        if weight > 0 or len(listed) == 1:
            share = weight or 100
            found.append(
                Target(aim.host, aim.port, share, aim.subset, headers.request, headers.response, headers.authority)
            )
    return tuple(found)


def _direct(value: object, field: str) -> tuple[int | None, bytes]:
    """An answer's status and body."""
    if value is None:
        return None, b""
    tree = mapping(value, field)
    status = whole(tree.get("status"), f"{field}.status")
    if not status:
        raise MalformedError(f"{field}.status: missing")
    body = mapping(tree.get("body"), f"{field}.body")
    plain = text(body.get("string"), f"{field}.body.string").encode()
    return status, plain or _decoded(text(body.get("bytes"), f"{field}.body.bytes"), f"{field}.body.bytes")


def _decoded(written: str, field: str) -> bytes:
    try:
        return b64decode(written, validate=True)
    except ValueError as error:
        raise MalformedError(f"{field}: expected base64") from error


def http_match(value: object, at: int, place: str, namespace: str) -> HttpMatch:
    """One HTTPMatchRequest.

    Raises:
        MalformedError: a field has a wrong type.
    """
    where = f"{place}.match[{at}]"
    tree = mapping(value, where)
    headers = [
        *_named(tree.get("headers"), f"{where}.headers"),
        *_named(tree.get("withoutHeaders"), f"{where}.withoutHeaders", negated=True),
        *(
            NamedMatch(name, text_match(tree[field], f"{where}.{field}"))
            for field, name in _PSEUDO.items()
            if tree.get(field) is not None
        ),
    ]
    queries = mapping(tree.get("queryParams"), f"{where}.queryParams")
    return HttpMatch(
        f"match[{at}]",
        _path(tree, where),
        tuple(headers),
        tuple(NamedMatch(str(n), text_match(v, f"{where}.queryParams.{n}")) for n, v in queries.items()),
        whole(tree.get("port"), f"{where}.port") or 0,
        gateway_names(tree.get("gateways"), f"{where}.gateways", namespace),
        labels(tree.get("sourceLabels"), f"{where}.sourceLabels"),
        text(tree.get("sourceNamespace"), f"{where}.sourceNamespace"),
    )


def labels(value: object, field: str) -> Labels:
    """A map of labels.

    Raises:
        MalformedError: a value is no text.
    """
    return {str(key): text(each, f"{field}.{key}") for key, each in mapping(value, field).items()}


def _path(tree: Mapping[str, Any], where: str) -> TextMatch:
    fold = bool(flag(tree.get("ignoreUriCase"), f"{where}.ignoreUriCase"))
    form, written = form_of(tree.get("uri"), f"{where}.uri")
    if form == "regex":
        return expression(written)
    return TextMatch(Form(form), written, fold=fold) if form else TextMatch(Form.PREFIX, "/", fold=fold)


def _named(value: object, field: str, *, negated: bool = False) -> list[NamedMatch]:
    return [
        NamedMatch(str(name).lower(), text_match(each, f"{field}.{name}"), negated, _claim_path(str(name)))
        for name, each in mapping(value, field).items()
    ]


def _claim_path(name: str) -> tuple[str, ...]:
    """The claim that a header's name stands for: `@request.auth.claims.group.id` or `…claims[group][id]`."""
    if not name.lower().startswith(_CLAIMS):
        return ()
    rest = name[len(_CLAIMS) :]
    if rest.startswith(".") and len(rest) > 1:
        return tuple(rest[1:].split("."))
    if rest.startswith("[") and rest.endswith("]") and len(rest) > 2:
        return tuple(rest[1:-1].split("]["))
    return ()
