"""Certificates of gateways, from Secrets of the cluster.

Source: pilot/pkg/credentials/kube/secrets.go: `tls.crt` and `tls.key`, or `cert` and `key`; the authority that clients
are checked by is `ca.crt` (or `cacert`) of the Secret itself, or of one whose name ends in `-cacert`.
"""

import base64
import binascii
from collections.abc import Callable

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from sidestep.controlplane.generators import CREDENTIALS
from sidestep.controlplane.generators.http.tls import AUTHORITY
from sidestep.controlplane.registry.objects import Tree
from sidestep.semantics.loose import as_dict, as_text

Found = Callable[[str, str], Tree | None]
"""The Secret of a namespace and name."""
_CERTIFICATE, _KEY, _AUTHORITY = ("tls.crt", "cert"), ("tls.key", "key"), ("ca.crt", "cacert")


def credential(name: str, found: Found) -> Secret | None:
    """What a proxy asks for by a name; None where no Secret has it."""
    namespace, _, own = name.removeprefix(CREDENTIALS).partition("/")
    if own.endswith(AUTHORITY):
        near = (found(namespace, own), found(namespace, own.removesuffix(AUTHORITY)))
        roots = next((told for tree in near if tree is not None and (told := _value(tree, _AUTHORITY))), b"")
        return Secret(name=name, validation_context={"trusted_ca": {"inline_bytes": roots}}) if roots else None
    tree = found(namespace, own)
    if tree is None:
        return None
    certificate, key = _value(tree, _CERTIFICATE), _value(tree, _KEY)
    if not certificate or not key:
        return None
    shown = {"certificate_chain": {"inline_bytes": certificate}, "private_key": {"inline_bytes": key}}
    return Secret(name=name, tls_certificate=shown)


def _value(tree: Tree, names: tuple[str, ...]) -> bytes:
    """The first that is there; nothing where it cannot be read."""
    data, written = as_dict(tree.get("data")), as_dict(tree.get("stringData"))
    for name in names:
        if name in written:
            return as_text(written[name]).encode()
        if name in data:
            try:
                return base64.b64decode(as_text(data[name]), validate=True)
            except binascii.Error:
                return b""
    return b""
