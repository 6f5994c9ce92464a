"""The RBAC filters that we generate for sidecars, in the real Envoy, against our own reading of the policies."""

import pytest
from google.protobuf.json_format import MessageToDict
from tests.differential.test_authz_corpus import HTTP, RANDOM_ASKS, SEED, _allowed, _none, _work, disagreements
from tests.support.authz_cases import seeded
from tests.support.authz_corpus import CORPUS, verdicts_of
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_client import answers
from tests.support.envoy_config import HTTP_RBAC, bootstrap, extension, http_filters, listener

from sidestep.controlplane.generators.http.authorization import Place, rbac
from sidestep.semantics.authorization.policy import Action

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("envoy-authorization"),
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}"),
]
PAIRS = [pair for pair in HTTP if not pair.left_out and not pair.custom]
_TYPE = "filters.http.rbac.v3.RBAC"


def generated(policies):
    """The filters of a chain: DENY before ALLOW."""
    made = []
    for action, compiled in ((Action.DENY, policies.deny), (Action.ALLOW, policies.allow)):
        if compiled:
            rules = MessageToDict(rbac(compiled, action, Place.SIDECAR))
            made.append(extension(HTTP_RBAC, _TYPE, rules=rules))
    return made


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    return {pair.name: verdicts_of(pair, folder) for pair in PAIRS}


@pytest.fixture(scope="module")
def envoy(sets, tmp_path_factory):
    identities = MeshIdentities(tmp_path_factory.mktemp("envoy"))
    tls = identities.server()
    listeners = [listener(name, http_filters(generated(policies)), tls) for name, policies in sets.items()]
    with running_envoy(bootstrap(listeners), identities) as running:
        yield running


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_what_we_generate_decides_as_we_say(pair, sets, envoy):
    work = _work(pair.trees, RANDOM_ASKS, seeded(SEED))
    got = answers(envoy, pair.name, work)
    theirs = [(peer, ask, _allowed(ask, one)) for peer in work for ask, one in zip(work[peer], got[peer], strict=True)]
    _none(disagreements(sets[pair.name], theirs))
