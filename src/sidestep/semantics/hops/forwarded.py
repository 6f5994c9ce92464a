"""A request as a proxy that reads HTTP sends it on: the path as it judged it, the headers that it sets and removes.

Source: istio-semantics.md §4.2 (claims as headers), §5.2 and D33 (X-Forwarded-Client-Cert: a sidecar appends the peer's
certificate, every proxy removes what came without mTLS). Of the certificate only the names are told, not its hash.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from sidestep.semantics.authentication.tokens import RequestPolicy, Token, validate
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.identity import SPIFFE

XFCC = "x-forwarded-client-cert"


def forwarded(traveller: Traveller, policies: Iterable[RequestPolicy] = (), certificate: str = "") -> Traveller:
    """The traveller behind a proxy that reads HTTP.

    Args:
        traveller: admitted by the proxy.
        policies: RequestAuthentications there.
        certificate: what it says of the peer's certificate; empty where it removes the header.
    """
    http = traveller.http
    if http is None:
        return traveller
    path = normalise(http.path, traveller.index.settings.normalisation) or http.path
    told = validate(policies, http.token)
    if path == http.path and not (told.headers or told.removed or certificate or XFCC in http.headers):
        return traveller
    headers = {**http.headers, **told.headers}
    if certificate:
        headers[XFCC] = f"{headers[XFCC]},{certificate}" if headers.get(XFCC) else certificate
    else:
        headers.pop(XFCC, None)
    token = Token() if told.removed else http.token
    return replace(traveller, http=replace(http, path=path, headers=headers, token=token))


def certificate_of(peer: str, own: str) -> str:
    """An element of X-Forwarded-Client-Cert."""
    return f"By={SPIFFE}{own};URI={SPIFFE}{peer}"
