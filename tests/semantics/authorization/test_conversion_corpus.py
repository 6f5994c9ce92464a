"""Our conversion for ztunnel equals what istiod sends, field by field, on Istio's own cases."""

import base64
import ipaddress

import yaml
from tests.support.mesh import mesh

from sidestep.model.kinds import AUTHORIZATION_POLICY, PEER_AUTHENTICATION
from sidestep.semantics.authentication.peers import levels, parse_peer_policy
from sidestep.semantics.authentication.peers_at_ztunnel import convert as convert_peer
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Authorization, convert

ROOT = "istio-system"


def string(value):
    if value == "*":
        return {"presence": {}}
    if value.startswith("*"):
        return {"suffix": value[1:]}
    return {"prefix": value[:-1]} if value.endswith("*") else {"exact": value}


def address(value):
    packed = base64.b64encode(ipaddress.ip_address(value.ip).packed).decode()
    return {"address": packed, **({"length": value.length} if value.length else {})}


def account(value):
    found = {"namespace": value.namespace, "serviceAccount": value.account}
    return {key: text for key, text in found.items() if text}


def side(value, prefix=""):
    fields = {
        "namespaces": [string(x) for x in value.namespaces],
        "serviceAccounts": [account(x) for x in value.accounts],
        "principals": [string(x) for x in value.principals],
        "sourceIps": [address(x) for x in value.source_ips],
        "destinationIps": [address(x) for x in value.destination_ips],
        "destinationPorts": list(value.ports),
    }
    named = {f"not{key[0].upper()}{key[1:]}" if prefix else key: found for key, found in fields.items()}
    return {key: found for key, found in named.items() if found}


def as_proto(sent: Authorization):
    groups = [
        {"rules": [{"matches": [side(m.positive) | side(m.negative, "not") for m in clause]} for clause in g.clauses]}
        if g.clauses
        else {}
        for g in sent.groups
    ]
    found = {"name": sent.name, "namespace": sent.namespace, "scope": sent.scope.value, "groups": groups}
    if sent.action is not Action.ALLOW:
        found["action"] = sent.action.value
    absent = {("scope", "GLOBAL"), ("namespace", "default")}
    return {key: value for key, value in found.items() if value and (key, str(value)) not in absent}


def read(path):
    return [tree for tree in yaml.safe_load_all(path.read_text()) if tree]


def ours(trees):
    read_mesh = mesh(*trees)
    policies = [parse_policy(resource) for resource in read_mesh.of(AUTHORIZATION_POLICY)]
    peers = [parse_peer_policy(resource) for resource in read_mesh.of(PEER_AUTHENTICATION)]
    sent = [convert(policy, ROOT) for policy in policies]
    for peer in peers:
        if peer.id.namespace != ROOT:
            found = levels(peers, ROOT, peer.id.namespace, peer.selector or {})
            sent.append(convert_peer(peer, found.namespace, found.mesh))
    return [as_proto(each) for each in sent if isinstance(each, Authorization)]


def test_every_case_of_the_corpus(corpus):
    folder = corpus / "ambient-conversion"
    names = sorted(folder.glob("*-in.yaml"))
    assert len(names) >= 10
    for name in names:
        expected = name.with_name(name.name.replace("-in.yaml", ".yaml"))
        assert ours(read(name)) == (read(expected) if expected.exists() else []), name.name
