"""The conditions under which a rule takes an HTTP request, and how a request meets them.

Source: pilot/pkg/networking/core/route/route.go (TranslateRouteMatch, sourceMatchHTTP); Envoy's route matching: paths
without query and fragment, header names in any case, the first value of a query parameter, undecoded.
"""

from collections.abc import Iterable

from msgspec import Struct

from sidestep.model.metadata import Labels
from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.hosts import MESH
from sidestep.semantics.routing.text_match import Form, TextMatch

_ROOT = TextMatch(Form.PREFIX, "/")


class Vantage(Struct, frozen=True, gc=False):
    """Where routes are read: the proxy, as far as it is part of conditions.

    Attributes:
        port: on which the request came in.
        namespace: of the proxy.
        labels: of the proxy; None where they are not known.
        gateway: `mesh`, or a Gateway.
        waypoint: since 1.25 a match with source labels takes nothing there (issue 51565).
        claims: whether tokens are validated before routes are chosen.
        tls: whether requests come in TLS.
    """

    port: int
    namespace: str
    labels: Labels | None
    gateway: str = MESH
    waypoint: bool = False
    claims: bool = False
    tls: bool = False


class NamedMatch(Struct, frozen=True):
    """A condition on a header or query parameter.

    Attributes:
        name: of the header in lower case, or of the parameter.
        text: what its value meets.
        negated: the request must not have it (`withoutHeaders`).
        claim: path of a token's claim, where the name is one (`@request.auth.claims`).
    """

    name: str
    text: TextMatch
    negated: bool = False
    claim: tuple[str, ...] = ()


class HttpMatch(Struct, frozen=True):
    """All conditions of one match; empty ones hold always.

    Attributes:
        place: in the rule, e.g. `match[0]`; empty for a rule without matches.
        path: on the path.
        headers: on headers, `:method`, `:authority` and `:scheme` among them.
        queries: on query parameters.
        port: of the proxy's listener; 0 for any.
        gateways: by which the request came; empty for those of the object.
        source_labels: of the client's pod.
        source_namespace: of the client's pod.
    """

    place: str = ""
    path: TextMatch = _ROOT
    headers: tuple[NamedMatch, ...] = ()
    queries: tuple[NamedMatch, ...] = ()
    port: int = 0
    gateways: frozenset[str] = frozenset()
    source_labels: Labels = {}
    source_namespace: str = ""

    @property
    def takes_all(self) -> bool:
        """Whether every request meets it, so that nothing behind it in the same object is reached."""
        whole = self.path.form is Form.PREFIX and self.path.text == "/"
        return (whole or (self.path.form is Form.REGEX and self.path.text == ".*")) and not (
            self.headers or self.queries
        )

    def offered(self, vantage: Vantage) -> bool | None:
        """Whether a proxy has the match at all; None where that hangs on labels that are not known."""
        if self.port not in (0, vantage.port):
            return False
        if vantage.waypoint and self.source_labels:
            return False
        if self.gateways:
            return vantage.gateway in self.gateways
        if self.source_namespace not in ("", vantage.namespace):
            return False
        if vantage.labels is None:
            return None if self.source_labels else True
        return all(vantage.labels.get(key) == value for key, value in self.source_labels.items())

    def takes(self, http: HttpSeen, vantage: Vantage) -> bool | None:
        """Whether a request meets it; None where a regular expression of it was refused."""
        return _all(self._checks(http, vantage))

    def _checks(self, http: HttpSeen, vantage: Vantage) -> Iterable[bool | None]:
        yield self.path.matches(http.bare_path)
        for header in self.headers:
            yield _claim(header, http, vantage) if header.claim else _header(header, http)
        if self.queries:
            sent = _query(http.path)
            for query in self.queries:
                value = sent.get(query.name)
                yield value is not None and query.text.matches(value)


def _all(checks: Iterable[bool | None]) -> bool | None:
    """False beats unknown beats true."""
    met: bool | None = True
    for check in checks:
        if check is False:
            return False
        if check is None:
            met = None
    return met


def _header(wanted: NamedMatch, http: HttpSeen) -> bool | None:
    value = http.header(wanted.name)
    if value is None and wanted.name == ":scheme":
        value = "http"
    if wanted.negated:
        if wanted.text.form is Form.PRESENT:
            return value is None
        met = wanted.text.matches(value or "")
        return None if met is None else not met
    return value is not None and wanted.text.matches(value)


def _claim(wanted: NamedMatch, http: HttpSeen, vantage: Vantage) -> bool | None:
    """A claim is a text or a list of texts; without a validated token there is none."""
    found: object = http.claims if vantage.claims else None
    for key in wanted.claim:
        found = found.get(key) if isinstance(found, dict) else None
    values = [value for value in (found if isinstance(found, list) else [found]) if isinstance(value, str)]
    answers = [wanted.text.matches(value) for value in values]
    met = True if True in answers else (None if None in answers else False)
    return met if not wanted.negated or met is None else not met


def _query(path: str) -> dict[str, str]:
    """Parameters as sent, the first of each name."""
    _, _, query = path.partition("#")[0].partition("?")
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part:
            found.setdefault(name, value)
    return found
