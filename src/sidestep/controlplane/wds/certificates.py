"""The calls by which a ztunnel has certificates signed for keys that it makes itself (ztunnel.md §4.1 and §4.2).

A node's proxy is given identities of that node's pods only. What the request for a certificate calls itself does not
matter: the key counts, and the name that the proxy asks for in its metadata.
"""

from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ads.server import Door
from sidestep.controlplane.ca.certificates import pem
from sidestep.controlplane.tokens import Proxy, Refused
from sidestep.controlplane.wds.tables import AUTH

_SERVICE, _METHOD = "istio.v1.auth.IstioCertificateService", "CreateCertificate"
_IMPERSONATED = "ImpersonatedIdentity"
_LONGEST = 10**9
"""Seconds: more than any certificate lives, and few enough to reckon with."""


class CertificateService:
    """Signs.

    Args:
        plane: of which the secrets say who may have what.
        door: who is let in.
    """

    def __init__(self, plane: Plane, door: Door) -> None:
        self._plane, self._door = plane, door

    def handler(self) -> grpc.GenericRpcHandler:
        """For a server."""
        method: grpc.RpcMethodHandler[Any, bytes] = grpc.unary_unary_rpc_method_handler(
            self._create, request_deserializer=AUTH["IstioCertificateRequest"].FromString
        )
        return grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: method})

    async def _create(self, request: Any, context: "grpc.aio.ServicerContext[Any, bytes]") -> bytes:
        try:
            proxy = self._door.admit(context.invocation_metadata(), context.peer())
            return bytes(self._answer(proxy, request).SerializeToString())
        except Refused as refused:
            self._plane.metrics.refused += 1
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(refused))
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def _answer(self, proxy: Proxy, request: Any) -> Any:
        identity = request.metadata.fields[_IMPERSONATED].string_value
        if not identity:
            raise Refused(f"a node's proxy must say whose certificate it wants: metadata {_IMPERSONATED}")
        asked = min(request.validity_duration, _LONGEST)
        chain = self._plane.secrets.sign(
            proxy.name, identity, _key(request.csr), timedelta(seconds=asked if asked > 0 else _LONGEST)
        )
        if chain is None:
            raise Refused(f"{identity} is no identity of a meshed pod on node {proxy.name}")
        parts = [pem((each,)) for each in chain]
        parts.append(pem(self._plane.secrets.anchors))
        return AUTH["IstioCertificateResponse"](cert_chain=[part.decode() for part in parts])


def _key(request: str) -> ec.EllipticCurvePublicKey:
    """The key of a request whose sender has shown to have it.

    Raises:
        ValueError: it has not, or it is another kind of key.
    """
    try:
        parsed = x509.load_pem_x509_csr(request.encode())
    except ValueError as error:
        raise ValueError("the request for a certificate cannot be read: PKCS #10 in PEM is expected") from error
    key = parsed.public_key()
    if not parsed.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("a request for a certificate must be signed by its own key, on an elliptic curve")
    return key
