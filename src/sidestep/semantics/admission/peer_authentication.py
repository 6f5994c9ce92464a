"""PeerAuthentications that Istio's admission refuses.

Source: `ValidatePeerAuthentication` of Istio 1.31 (pkg/config/validation/validation.go), and its definition's schema.
"""

from collections.abc import Mapping
from typing import Any

from sidestep.semantics.admission.fields import Found, selector_refusals
from sidestep.semantics.authentication.peers import Mtls
from sidestep.semantics.loose import as_dict

_LAST_PORT = 65_535


def peer_refusals(spec: Mapping[str, Any]) -> Found:
    """Fields of a PeerAuthentication's spec that are refused, and why."""
    yield from selector_refusals(spec)
    yield from _mode(spec.get("mtls"), "mtls")
    ports = spec.get("portLevelMtls")
    if ports is None:
        return
    if not as_dict(as_dict(spec.get("selector")).get("matchLabels")):
        yield "portLevelMtls", "only a policy that selects pods by labels names ports"
    if not as_dict(ports):
        yield "portLevelMtls", "it names no port"
    for port, mtls in as_dict(ports).items():
        if not str(port).isdecimal() or not 1 <= int(port) <= _LAST_PORT:
            yield f"portLevelMtls.{port}", "it is no port"
        yield from _mode(mtls, f"portLevelMtls.{port}")


def _mode(mtls: object, at: str) -> Found:
    mode = as_dict(mtls).get("mode")
    if mode is not None and mode not in tuple(Mtls):
        yield f"{at}.mode", f"{mode!r} is none of {', '.join(Mtls)}"
