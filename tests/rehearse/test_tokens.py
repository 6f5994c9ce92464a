"""Requests with tokens: which are sent, that they are signed, and that whatever a plan does trusts who signed them."""

from base64 import urlsafe_b64decode

import msgspec
import pytest
from tests.support.runs import EXAMPLE

from sidestep.actions.memory import apply
from sidestep.lab.cluster.intake import objects_of
from sidestep.lab.workload.issuer import Issuer
from sidestep.model.call_graph import call_graph
from sidestep.model.kinds import REQUEST_AUTHENTICATION
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Apply, Delete
from sidestep.prove.asked import Conditions
from sidestep.prove.choices import _tokens
from sidestep.rehearse.tokens import Signed
from sidestep.rehearse.traffic import traffic, verdict_of
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices

GUARDED = """
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: people, namespace: shop}
spec:
  selector: {matchLabels: {app: orders}}
  jwtRules: [{issuer: "https://login.example.com", jwksUri: "https://login.example.com/keys"}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: buyers, namespace: shop}
spec:
  selector: {matchLabels: {app: orders}}
  action: ALLOW
  rules: [{when: [{key: "request.auth.claims[groups]", values: [buyers]}]}]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A mesh, its plan, what is sent, and the issuer."""
    path = tmp_path_factory.mktemp("mesh") / "mesh.yaml"
    path.write_text(EXAMPLE.read_text() + GUARDED)
    mesh = FilesSource([str(path)]).read()
    plan = make_plan(PlanRequest(mesh, load_prices(None)))
    return mesh, plan, traffic(MeshIndex.of(mesh), MeshIndex.of(apply(plan, mesh)), call_graph([]), 10), Issuer()


def claims(question):
    return msgspec.json.decode(question.carried.claims)


def test_the_prover_asks_with_no_token_that_names_nobody():
    told = Conditions(
        {"method": frozenset(), "path": frozenset(), "authority": frozenset()}, {}, {},
        {("groups",): frozenset()}, frozenset(), issuers=frozenset({"https://a", "https://b"}), validated=True,
    )  # fmt: skip
    issuers = {token.claims.get("iss") for token in _tokens(told) if token.state is TokenState.VALID}
    assert None not in issuers
    assert issuers >= told.issuers


def test_tokens_that_admit_and_tokens_that_do_not_are_sent(made):
    mesh, _, sent, _ = made
    valid = [each for each in sent.questions if each.carried.state is TokenState.VALID]
    assert {each.allowed for each in valid} == {True, False}
    assert all(claims(each)["groups"] == "buyers" for each in valid if each.allowed and each.method == "GET")
    index = MeshIndex.of(mesh)
    wanted = {True: Verdict.ALLOW, False: Verdict.DENY}
    assert all(verdict_of(index, each).verdict is wanted[each.allowed] for each in sent.questions)
    assert len({each.name for each in sent.questions}) == len(sent.questions)


def test_each_names_its_issuer_and_says_what_it_claims(made):
    _, _, sent, issuer = made
    for each in Signed(issuer).questions(sent.questions):
        if each.carried.state is TokenState.NONE:
            assert not each.bearer
            assert "authorization" not in each.edge().headers
            continue
        assert isinstance(claims(each)["iss"], str)
        assert each.edge().headers["authorization"] == f"Bearer {each.bearer}"
        _, body, signature = each.bearer.split(".")
        told = msgspec.json.decode(urlsafe_b64decode(body + "=="))
        assert claims(each).items() <= told.items()
        assert (signature == "AAAA") is (each.carried.state is TokenState.INVALID)
        assert (told["exp"] < told["iat"]) is (each.carried.state is TokenState.EXPIRED)


def rules(tree):
    return tree.get("spec", {}).get("jwtRules", [])


def test_the_mesh_and_all_that_a_plan_makes_of_it_trust_the_issuer_and_nobody_else(made):
    mesh, plan, _, issuer = made
    signed = Signed(issuer)
    keys = msgspec.json.encode(issuer.jwks()).decode()
    trees = [*signed.objects(objects_of(mesh)), *(each.tree() for each in signed.mesh(mesh).of(REQUEST_AUTHENTICATION))]
    for step in signed.plan(plan).steps:
        if isinstance(step.effect, Apply):
            trees += [step.effect.manifest, step.effect.before or {}]
        elif isinstance(step.effect, Delete):
            trees.append(step.effect.before)
    found = [rule for tree in trees for rule in rules(tree)]
    assert len(found) >= 3
    assert {(rule["issuer"], rule.get("jwks"), rule.get("jwksUri")) for rule in found} == {
        ("https://login.example.com", keys, None)
    }
    changed = [step for step in signed.plan(plan).steps if step not in plan.steps]
    assert {step.effect.object.kind for step in changed} == {"RequestAuthentication"}
