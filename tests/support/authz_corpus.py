"""Istio's own pairs of policies and Envoy filters (`authz/{http,tcp}/X-in.yaml`, `X-out*.yaml`)."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.support.envoy_client import Ask, Peer

from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.semantics.authorization.evaluate import PolicySet, policy_set
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.authorization.policy import Policy
from sidestep.semantics.authorization.seen import Chain, HttpSeen, Seen
from sidestep.semantics.authorization.trust import Bundle
from sidestep.sources.files import FilesSource

Tree = dict[str, Any]

CORPUS = Path(os.environ.get("SIDESTEP_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "authz"

_BUNDLES = {
    "simple-policy-td-aliases": ("td1", "cluster.local"),
    "simple-policy-multiple-td-aliases": ("td1", "cluster.local", "some-td"),
    "simple-policy-principal-with-wildcard": ("td1", "foobar"),
    "td-aliases-source-principal": ("new-td", "old-td", "some-trustdomain"),
}
"""Trust domain and aliases with which Istio made the filters (builder_test.go); all others were made without any."""

_STOCK = ("filters.http.rbac.", "filters.network.rbac.", "filters.http.ext_authz.", "filters.network.ext_authz.")


@dataclass(frozen=True)
class Pair:
    """Policies and what Istio makes of them.

    Attributes:
        name: of the files.
        chain: which filters they are.
        trees: the policies as written.
        filters: in the order of the chain; none where Istio makes none.
    """

    name: str
    chain: Chain
    trees: tuple[Tree, ...]
    filters: tuple[Tree, ...]

    @property
    def bundle(self) -> Bundle:
        """Trust domains that count as one."""
        return Bundle(_BUNDLES.get(self.name, ("cluster.local",)))

    @property
    def left_out(self) -> str:
        """Why stock Envoy cannot show what these policies do; empty when it can."""
        if not self.filters:
            return "the corpus has no filters for it"
        kinds = [_kind(one) for one in self.filters]
        strange = [kind for kind in kinds if not any(part in kind for part in _STOCK)]
        return f"only in Istio's proxy: {', '.join(strange)}" if strange else ""

    @property
    def custom(self) -> bool:
        """Whether an external authorizer is asked."""
        return any("ext_authz" in _kind(one) for one in self.filters)


def pairs() -> list[Pair]:
    """All of the corpus, by name."""
    return [_pair(chain, path) for chain in Chain for path in sorted((CORPUS / chain.value).glob("*-in.yaml"))]


def _pair(chain: Chain, path: Path) -> Pair:
    name = path.name.removesuffix("-in.yaml")
    outs = sorted(path.parent.glob(f"{name}-out*.yaml"))
    filters = [tree for out in outs for tree in _documents(out)]
    return Pair(name, chain, tuple(_documents(path)), tuple(filters))


def _documents(path: Path) -> list[Tree]:
    return [tree for tree in yaml.safe_load_all(path.read_text()) if tree]


def _kind(config: Tree) -> str:
    return str(config.get("typedConfig", config.get("typed_config", {})).get("@type", "?"))


def loadable(config: Any) -> Any:
    """A filter of Istio's with the two things changed that a test on loopback must change.

    The peer's address comes from the PROXY protocol, which `directRemoteIp` ignores and `sourceIp`, the same matcher on
    the connection's address, does not. The external authorizer is one where nobody answers, which denies.
    """
    if isinstance(config, list):
        return [loadable(item) for item in config]
    if not isinstance(config, dict):
        return config
    changed = {"sourceIp" if name == "directRemoteIp" else name: loadable(item) for name, item in config.items()}
    if "grpcService" in changed or "httpService" in changed:
        changed = {name: item for name, item in changed.items() if name != "httpService"}
        changed |= {"failureModeAllow": False, "grpcService": {"envoyGrpc": {"clusterName": "dead"}}}
    return changed


def parsed(trees: Iterable[Tree], folder: Path) -> list[Policy]:
    """Policies read through the door of the product, in their order."""
    file = folder / "policies.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(trees)}))
    mesh = FilesSource([str(file)]).read()
    return [parse_policy(resource) for resource in mesh.of(AUTHORIZATION_POLICY)]


def verdicts_of(pair: Pair, folder: Path) -> PolicySet:
    """Our own meaning of the policies."""
    return policy_set(parsed(pair.trees, folder), pair.chain, pair.bundle)


def seen(peer: Peer, ask: Ask | None) -> Seen:
    """What a proxy sees of a request; of the server name Envoy keeps no upper case."""
    identity = peer.uri.removeprefix("spiffe://") if peer.uri and not peer.plain else None
    remote = ask.forwarded.rpartition(",")[2].strip() if ask and ask.forwarded else peer.source
    http, metadata = None, None
    if ask:
        claims = json.loads(ask.claims) if ask.claims is not None else None
        http = HttpSeen(ask.method, ask.path, ask.authority, _headers(ask), claims)
        metadata = {"envoy.filters.a.b": {"c": ask.metadata}} if ask.metadata else None
    return Seen(identity, peer.source, remote, peer.destination, peer.port, peer.sni.lower(), http, metadata)


def _headers(ask: Ask) -> dict[str, Any]:
    """By lower-case name; Envoy matches each value of a repeated header for itself (1.37 and later)."""
    found: dict[str, Any] = {}
    for name, value in ask.headers:
        found.setdefault(name.lower(), []).append(value)
    return {name: several[0] if len(several) == 1 else several for name, several in found.items()}
