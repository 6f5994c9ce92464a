"""What a proxy sees of a request, and which of it cannot be known."""

from sidestep.semantics.authentication.tokens import Validation
from sidestep.semantics.authorization.matchers import address_number
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.authorization.policy import OF_TOKENS, Attribute
from sidestep.semantics.authorization.seen import HttpSeen, Seen
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.requests import Http, Tcp

_FORWARDED_FOR = "x-forwarded-for"
_NOTHING: frozenset[Attribute] = frozenset()


def http_seen(traveller: Traveller, http: Http, validation: Validation) -> HttpSeen | None:
    """The HTTP part as a proxy judges it; None where it answers 400 for the path."""
    path = normalise(http.path, traveller.index.settings.normalisation)
    if path is None:
        return None
    authority = http.authority or traveller.request.to
    return HttpSeen(http.method, path, authority, http.headers, validation.claims)


def seen(traveller: Traveller, identity: str | None, destination: str, port: int, http: HttpSeen | None) -> Seen:
    """Everything that a policy may look at, at a proxy to which the traveller's sender connected."""
    payload = traveller.request.payload
    sni = payload.sni if isinstance(payload, Tcp) else ""
    address = traveller.sender.address
    remote = _forwarded_for(http) or address
    return Seen(identity, address, remote, destination, port, sni, http, traveller.request.metadata)


def blind_spots(what: Seen) -> frozenset[Attribute]:
    """Attributes whose value nobody told: the address of one of several pods, claims of a token that lists none."""
    blind = _NOTHING
    if not what.source_ip:
        blind |= {Attribute.SOURCE_IP} if what.remote_ip else {Attribute.SOURCE_IP, Attribute.REMOTE_IP}
    if not what.destination_ip:
        blind |= {Attribute.DESTINATION_IP}
    if what.http is not None and what.http.claims is not None and not what.http.claims:
        blind |= OF_TOKENS
    return blind


def _forwarded_for(http: HttpSeen | None) -> str:
    """The last address of X-Forwarded-For, which Envoy trusts as long as no number of proxies is configured."""
    value = http.header(_FORWARDED_FOR) if http is not None and _FORWARDED_FOR in http.headers else None
    if not value:
        return ""
    last = value.rpartition(",")[2].strip()
    return last if last and address_number(last)[0] else ""
