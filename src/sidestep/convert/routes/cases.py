"""The conditions of HTTP rules, one case for each match, with nothing in them that the Gateway API could not say.

Source: istio-semantics.md §4.3; what a match means is read by `sidestep.semantics.routing.virtual_service_http`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.rewrite import Severity
from sidestep.convert.routes.authorities import Heard, Names
from sidestep.convert.routes.flat import FlatRule
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.semantics.patterns import quote
from sidestep.semantics.routing.hosts import MESH
from sidestep.semantics.routing.http_match import HttpMatch, NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch, exact
from sidestep.semantics.routing.virtual_service_http import http_match
from sidestep.semantics.trees import mappings

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
ANY_PATH = TextMatch(Form.PREFIX, "/")
_ALTERNATIVES = re.compile(r"[A-Z]+(?:\|[A-Z]+)*")
_KNOWN = frozenset({
    "name", "uri", "scheme", "method", "authority", "headers", "port", "sourceLabels", "gateways", "queryParams",
    "ignoreUriCase", "withoutHeaders", "sourceNamespace", "statPrefix",
})  # fmt: skip
_NONE = {
    "scheme": ("the scheme", "no route of the Gateway API in the mesh looks at it"),
    "statPrefix": ("a prefix of metrics", "no route of the Gateway API names metrics"),
    "sourceLabels": ("the labels of clients", "a waypoint does not know them and leaves such matches out (D49)"),
    "sourceNamespace": ("the namespace of clients", "a waypoint compares its own namespace instead (D49)"),
}
_AUTHORITY = ":authority"
_NO_HOST = "a waypoint chooses the service by its address, and a route cannot match the host"
_OTHER_HOST = "whoever names another host than the one dialled goes by these rules too, and not by that one's (D39)"
_ANY_HOST = (
    "sidecars send a request whose Host names nothing that they know to the address that was dialled, past all routes, "
    "and a waypoint asks its rules about every Host (D39)"
)
_NAME = (
    "give each host a VirtualService of its own, which need not ask; until then it stays one at the waypoint, where "
    "what names the host that it dials goes as today"
)
_LEFT_OUT = "nothing, unless clients dial one host and name another: the match is left out"
_TAKE_OUT = "take it out of the mesh's rules: no client comes by it today"
_INSTEAD = {
    "sourceLabels": "give those clients a Service of their own, or let them send a header to match on",
    "sourceNamespace": "give those clients a Service of their own, or let them send a header to match on",
    "statPrefix": "take it out, and tell requests apart by the route's name",
}


class Case(Struct, frozen=True):
    """One match of one rule.

    Attributes:
        rule: its place among the rules.
        field: the match's place for people.
        path: condition on the path.
        headers: on headers.
        without: headers that must not be as they say.
        queries: on parameters.
        method: empty for any.
        port: 0 for any.
    """

    rule: int
    field: str
    path: TextMatch = ANY_PATH
    headers: tuple[NamedMatch, ...] = ()
    without: tuple[NamedMatch, ...] = ()
    queries: tuple[NamedMatch, ...] = ()
    method: str = ""
    port: int = 0

    @property
    def any_path(self) -> bool:
        """Whether every path meets it."""
        return self.path.form is Form.PREFIX and self.path.text == "/"

    @property
    def takes_all(self) -> bool:
        """Whether every request meets it."""
        return self.any_path and not (self.headers or self.without or self.queries or self.method)


def cases(rules: Sequence[FlatRule], names: Names, ledger: Ledger) -> list[Case]:
    """All cases that the mesh is offered, in order.

    Args:
        rules: of the VirtualService.
        names: by which sidecars find it.
        ledger: for what no route says.

    Raises:
        MalformedError: a field has a wrong type.
    """
    return [case for at, rule in enumerate(rules) for case in _of_rule(at, rule, names, ledger)]


def _of_rule(at: int, rule: FlatRule, names: Names, ledger: Ledger) -> Iterator[Case]:
    listed = mappings(rule.tree.get("match"), "match")
    if not listed:
        yield Case(at, rule.field)
    for number, tree in enumerate(listed):
        match = http_match(tree, number, rule.field, rule.namespace)
        case = Case(at, f"{rule.field}.match[{number}]")
        offered = not match.gateways or MESH in match.gateways
        if offered and not _unheard(case.field, match, names, ledger):
            yield from _of_match(case, tree, match, ledger)


def _unheard(field: str, match: HttpMatch, names: Names, ledger: Ledger) -> bool:
    """Whether no sidecar asks it of a request whose Host it takes; what else it asks of the Host is told."""
    asked = [each for each in match.headers if each.name == _AUTHORITY]
    heard = [names.heard(each.text) for each in asked if not each.negated]
    if Heard.NONE in heard:
        did = "asks for a host that leads no sidecar here"
        ledger.lose_if_kept(f"{field}.authority", did, _ANY_HOST, _TAKE_OUT)
        ledger.lose(f"{field}.authority", did, f"{_ANY_HOST}: of the others", _LEFT_OUT, Severity.TRAFFIC)
        return True
    if Heard.PATTERN in heard or any(each.negated for each in asked):
        ledger.keep(f"{field}.authority", "asks for hosts by pattern", f"{_NO_HOST}; {_ANY_HOST}", _NAME)
    elif Heard.NAMES in heard:
        ledger.keep(f"{field}.authority", "asks for the authority", f"{_NO_HOST}; {_OTHER_HOST}", _NAME)
    return False


def _of_match(case: Case, tree: Mapping[str, Any], match: HttpMatch, ledger: Ledger) -> Iterator[Case]:
    _tell(case.field, tree, ledger)
    plain = [each for each in match.headers if not each.name.startswith(":") and not each.claim]
    for each in match.headers:
        if each.claim or (each.name.startswith(":") and each.name != ":method"):
            _refuse_header(case.field, each, ledger)
    made = replace(
        case,
        path=_path(match.path),
        headers=tuple(each for each in plain if not each.negated),
        without=tuple(each for each in plain if each.negated),
        queries=match.queries,
        port=match.port,
    )
    asked = [each.text for each in match.headers if each.name == ":method"]
    if any(each.refused for each in (match.path, *asked, *(n.text for n in (*match.headers, *match.queries)))):
        ledger.keep(case.field, "asks by expression", "RE2 refuses it, so nobody knows what it takes", "mend it")
    for method in _methods(asked, case.field, ledger):
        yield replace(made, method=method)


def _path(path: TextMatch) -> TextMatch:
    """A path's condition; those that every path meets are one, and an expression without any sign is a text."""
    every = path.form is Form.PREFIX and path.text in ("", "/")
    if path.form is Form.REGEX and quote(path.text) == path.text:
        return exact(path.text)
    return ANY_PATH if every or (path.form is Form.REGEX and path.text == ".*") else path


def _tell(field: str, tree: Mapping[str, Any], ledger: Ledger) -> None:
    ledger.unknown_fields(tree, _KNOWN, field)
    for name, (what, why) in _NONE.items():
        if tree.get(name) not in (None, "", {}):
            ledger.keep(f"{field}.{name}", f"asks for {what}", why, _INSTEAD.get(name, AS_IT_IS))
    if tree.get("name"):
        ledger.lose(
            f"{field}.name", "names the match in logs", "matches of the Gateway API have no name",
            "tell routes apart by the names of rules", Severity.OBSERVABILITY,
        )  # fmt: skip


def _refuse_header(field: str, header: NamedMatch, ledger: Ledger) -> None:
    if header.claim:
        why = "routes of the Gateway API do not read tokens"
        ledger.keep(
            f"{field}.headers", "asks for a token's claim", why, "write the claim to a header and match on that"
        )
    elif header.name not in (":authority", ":scheme"):
        ledger.keep(f"{field}.headers.{header.name}", "asks for a pseudo-header", "routes cannot name one", AS_IT_IS)


def _methods(asked: Iterable[TextMatch], field: str, ledger: Ledger) -> Iterator[str]:
    """The methods that meet all conditions on them; one empty text where there is none."""
    conditions = list(asked)
    if not conditions:
        yield ""
        return
    for condition in conditions:
        open_ended = not (condition.form is Form.EXACT or _ALTERNATIVES.fullmatch(condition.text))
        if condition.form is Form.EXACT and condition.text not in METHODS:
            ledger.keep(f"{field}.method", f"asks for method {condition.text}", "routes name HTTP's own only", AS_IT_IS)
        elif open_ended or set(condition.text.split("|")) - set(METHODS):
            ledger.lose(
                f"{field}.method", "asks for methods by pattern", "routes name HTTP's own nine methods only",
                "nothing, unless clients use other methods", Severity.TRAFFIC,
            )  # fmt: skip
    for method in METHODS:
        if all(condition.matches(method) for condition in conditions):
            yield method
