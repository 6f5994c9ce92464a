"""Policies that Istio's admission lets in, and those that it refuses, by the field that it names."""

import pytest

from sidestep.semantics.admission.authorization_policy import policy_refusals

VALID = [
    {},
    {"action": "DENY", "rules": [{}]},
    {"selector": {"matchLabels": {"app": "a"}}, "rules": [{"to": [{"operation": {"ports": ["0", "65535"]}}]}]},
    {"targetRefs": [{"kind": "Service", "group": "", "name": "a"}], "rules": []},
    {"action": "CUSTOM", "provider": {"name": "opa"}, "rules": [{"to": [{"operation": {"paths": ["/a*"]}}]}]},
    {"rules": [{"from": [{"source": {"ipBlocks": ["10.0.0.0/8", "::1"], "notPrincipals": ["*"]}}]}]},
    {
        "rules": [
            {"when": [{"key": "request.headers[x]", "values": ["a"]}, {"key": "connection.sni", "notValues": ["b"]}]}
        ]
    },
    {"rules": [{"when": [{"key": "request.auth.claims[a][b]", "values": ["c"]}]}]},
    {"rules": [{"from": [{"source": {"serviceAccounts": ["a", "ns/a"]}}]}]},
]
INVALID = {
    "rules": {"action": "DENY"},
    "provider.name": {"action": "CUSTOM", "rules": [{}]},
    "provider": {"provider": {"name": "opa"}, "rules": [{}]},
    "targetRefs": {"selector": {"matchLabels": {"a": "b"}}, "targetRefs": [{"kind": "Service", "name": "a"}]},
    "targetRefs[0].namespace": {"targetRefs": [{"kind": "Service", "name": "a", "namespace": "b"}]},
    "targetRefs[0].name": {"targetRefs": [{"kind": "Service"}]},
    "rules[0]": {"rules": [None]},
    "rules[0].from": {"rules": [{"from": []}]},
    "rules[1].to": {"rules": [{}, {"to": []}]},
    "rules[0].from[0].source": {"rules": [{"from": [{"source": {}}]}]},
    "rules[0].to[0].operation": {"rules": [{"to": [{}]}]},
    "rules[0].from[0].source.ipBlocks": {"rules": [{"from": [{"source": {"ipBlocks": ["300.1.1.1/99"]}}]}]},
    "rules[0].to[0].operation.ports": {"rules": [{"to": [{"operation": {"ports": ["http"]}}]}]},
    "rules[0].to[0].operation.methods": {"rules": [{"to": [{"operation": {"methods": [""]}}]}]},
    "rules[0].from[0].source.serviceAccounts": {"rules": [{"from": [{"source": {"serviceAccounts": ["a/*"]}}]}]},
    "rules[0].when[0].key": {"rules": [{"when": [{"key": "request.foo", "values": ["a"]}]}]},
    "rules[0].when[0]": {"rules": [{"when": [{"key": "source.ip"}]}]},
    "rules[0].when[0].values": {"rules": [{"when": [{"key": "source.ip", "values": ["a"]}]}]},
}
BESIDE = {"rules": [{"from": [{"source": {"serviceAccounts": ["a"], "namespaces": ["b"]}}]}]}
CUSTOM = {
    "action": "CUSTOM",
    "provider": {"name": "opa"},
    "rules": [
        {"from": [{"source": {"principals": ["a"]}}], "when": [{"key": "request.auth.audiences", "values": ["b"]}]}
    ],
}


@pytest.mark.parametrize("spec", VALID)
def test_what_istio_lets_in_is_not_refused(spec):
    assert list(policy_refusals(spec)) == []


@pytest.mark.parametrize("field", INVALID)
def test_what_istio_refuses_is_named_by_its_field(field):
    assert [each for each, _ in policy_refusals(INVALID[field])] == [field]


def test_accounts_beside_namespaces_and_identities_of_custom_are_refused():
    assert [each for each, _ in policy_refusals(BESIDE)] == ["rules[0].from[0].source"]
    assert [each for each, _ in policy_refusals(CUSTOM)] == [
        "rules[0].from[0].source.principals",
        "rules[0].when[0].key",
    ]
