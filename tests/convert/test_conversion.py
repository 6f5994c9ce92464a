"""A whole mesh through all rewrites: nothing lost from sight, the same each time, and nothing left to do a second time."""

from pathlib import Path

import msgspec
import pytest
from tests.support import mesh as m
from tests.support.conversions import context, resources
from tests.support.scenes import index, peers, pods, policy, principal, service

from sidestep.actions.converted import converted
from sidestep.actions.stages import BASE, LATE, stages
from sidestep.convert.conversion import UNREAD, convert
from sidestep.convert.ledger import key_of
from sidestep.convert.rewrite import Change, ChangeKind, Loss, Rewritten, Rule, Severity
from sidestep.plan.conversion_context import context_of
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.prove.proof import Direction
from sidestep.prove.prover import prove
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.trees import MalformedError
from sidestep.sources.files import FilesSource
from sidestep.sources.interface import unheard
from sidestep.sources.prices import load_prices

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "docs" / "examples" / "shop.yaml"
DELETE = {"to": [{"operation": {"methods": ["DELETE"]}}]}
WEB = {"from": [{"source": {"principals": [principal("web")]}}], "to": [{"operation": {"methods": ["GET"]}}]}


def labelled_shop():
    """Pods with sidecars, one policy of each kind, one namespace."""
    return [
        m.o.namespace("shop", **{"istio-injection": "enabled"}),
        *(each for name in ("web", "cart", "stock") for each in (*pods(name), service(name))),
        policy("cart-guard", DELETE, action="DENY", app="cart"),
        policy("stock-callers", WEB, app="stock"),
        peers("STRICT", "shop"),
    ]


def planned(mesh):
    index_ = MeshIndex.of(mesh)
    plan = make_plan(PlanRequest(mesh, load_prices(None), graph=inferred_calls(mesh)))
    found = convert(context_of(plan, index_, index_.settings.version))
    return plan, found, stages(plan, found, mesh)


def meshes():
    return {
        "labelled": index(*labelled_shop()).mesh.in_order,
        "sample": FilesSource((str(SHOP),)).read(unheard).in_order,
    }


@pytest.fixture(params=["labelled", "sample"])
def mesh(request):
    return meshes()[request.param]


def test_every_object_is_unchanged_or_replaced_or_removed(mesh):
    plan, found, staged = planned(mesh)
    after = converted(plan, staged, mesh)
    left = {key_of(each.id) for each in resources(after)}
    gone = {key_of(change.object) for change in found.changes if change.kind is ChangeKind.REMOVE}
    touched = {key_of(each.object) for stage in staged for each in stage.objects}
    assert gone
    for each in resources(mesh):
        key = key_of(each.id)
        assert (key in left) is (key not in gone), each.id
        if key not in touched and each.body:
            assert next(r for r in resources(after) if key_of(r.id) == key).body == each.body


def test_rewriting_what_was_rewritten_gives_nothing(mesh):
    plan, _, staged = planned(mesh)
    after = converted(plan, staged, mesh)
    again, found, stages_again = planned(after)
    assert found.changes == ()
    assert [stage.objects for stage in stages_again if stage.objects] == []
    assert not [each for each in again.workloads if each.wave is not None]


def test_equal_meshes_give_equal_bytes_in_whatever_order_they_were_read(mesh):
    backwards = msgspec.structs.replace(
        mesh, resources={key: tuple(reversed(found)) for key, found in reversed(mesh.resources.items())}
    )
    one, other = (planned(each.in_order) for each in (mesh, backwards))
    assert msgspec.json.encode(one[1:]) == msgspec.json.encode(other[1:])


def test_nobody_is_admitted_by_it_who_is_refused_today(mesh):
    plan, _, staged = planned(mesh)
    proof = prove(MeshIndex.of(mesh), MeshIndex.of(converted(plan, staged, mesh)))
    assert proof.ways
    assert [each.request for each in proof.counterexamples if each.direction in (Direction.OPEN, Direction.ROUTE)] == []


def test_templates_move_in_their_wave_and_what_sidecars_read_goes_last(mesh):
    plan, _, staged = planned(mesh)
    assert (staged[0].name, staged[-1].name) == (BASE, LATE)
    waves = {each.workload.name: each.wave for each in plan.workloads}
    moved = {
        each.object.name: stage.wave for stage in staged for each in stage.objects if each.object.kind == "Deployment"
    }
    assert moved == waves
    kinds = {stage.name: {each.object.kind for each in stage.objects} for stage in staged}
    assert kinds[LATE] >= {"Namespace", "AuthorizationPolicy"}
    assert "Gateway" in kinds[BASE]
    assert not kinds[BASE] & {"Deployment", "Namespace"}


def test_a_stage_begins_where_the_one_before_ends(mesh):
    _, _, staged = planned(mesh)
    left = {}
    for stage in staged:
        for each in stage.objects:
            key = key_of(each.object)
            assert key not in left or left[key] == each.before
            assert each.before != each.after
            left[key] = each.after


def test_everything_that_was_touched_says_so(mesh):
    _, _, staged = planned(mesh)
    for each in (each for stage in staged for each in stage.objects if each.after):
        notes = each.after["metadata"].get("annotations", {})
        assert notes.keys() & {"sidestep.dev/origin", "sidestep.dev/rewritten-by"}, each.object


def test_a_later_rewrite_sees_what_an_earlier_one_made():
    def first(resource, _):
        return Rewritten((change(resource, {"mine": 1}),))

    def second(resource, _):
        assert resource.view.spec["mine"] == 1
        return Rewritten((change(resource, {**resource.view.spec, "yours": 2}),))

    def change(resource, spec):
        return Change(ChangeKind.REPLACE, resource.id, {**resource.tree(), "spec": spec}, resource.id, "X")

    rules = [Rule(name, name, name, ("AuthorizationPolicy",), made) for name, made in (("X", first), ("Y", second))]
    (found,) = convert(context(index(policy("guard", DELETE, action="DENY"))), rules).changes
    assert found.manifest["spec"] == {"mine": 1, "yours": 2}


def test_an_object_of_a_wrong_type_is_left_and_told():
    broken = policy("guard", DELETE)
    broken["metadata"]["labels"] = ["not", "a", "mapping"]
    found = convert(context(index(broken, *pods("web"))))
    assert [(each.object.name, each.severity, each.rule) for each in found.losses] == [
        ("guard", Severity.SECURITY, UNREAD)
    ]
    assert not [each for each in found.changes if each.object.kind == "AuthorizationPolicy"]


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("gateway.example.com/v1", "VirtualService"),
        ("serving.knative.dev/v1", "Service"),
        ("example.com/v1", "Sidecar"),
    ],
)
def test_kinds_of_others_that_are_called_like_ours_are_left_alone(version, kind):
    foreign = m.o.thing(version, kind, m.o.meta("cart", "shop"), spec={"hosts": 1, "template": {}})
    mesh = index(foreign, *pods("cart"), service("cart"))
    found = convert(context(mesh, "cart"))
    assert not found.losses
    assert not [each for each in found.changes if each.object.api_version == version]


def test_a_rewrite_that_cannot_read_a_field_says_so_instead_of_failing():
    def rewrite(_resource, _context):
        raise MalformedError("spec.rules: expected a list, found a text")

    found = convert(context(index(policy("guard", DELETE))), [Rule("X", "x", "x", ("AuthorizationPolicy",), rewrite)])
    (loss,) = found.losses
    assert "spec.rules" in loss.why


def test_the_gravest_loss_comes_first():
    def rewrite(resource, _context):
        kinds = (Severity.COSMETIC, Severity.SECURITY, Severity.TRAFFIC)
        return Rewritten((), tuple(Loss(resource.id, "f", "d", "w", "i", each, "X") for each in kinds))

    found = convert(context(index(policy("guard", DELETE))), [Rule("X", "x", "x", ("AuthorizationPolicy",), rewrite)])
    assert [each.severity for each in found.losses] == [Severity.SECURITY, Severity.TRAFFIC, Severity.COSMETIC]
