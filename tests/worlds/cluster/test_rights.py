"""The roles that are printed for a plan are enough to carry it out and take it back; what is missing is named."""

import pytest
from tests.support.clusters import until
from tests.support.runs import EXAMPLE, healthy, manifests, runner

from sidestep.actions.runs.events import Ending
from sidestep.actions.runs.in_cluster.records import ClusterRecords
from sidestep.actions.runs.performing import Clock, Patience
from sidestep.actions.worlds.cluster.rights import cluster_role, records_role
from sidestep.actions.worlds.cluster.world import ClusterWorld, cluster_identity
from sidestep.actions.worlds.effects import have_happen
from sidestep.errors import SidestepError
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Apply, SetLabels, Wait
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kubernetes")]
RECORDS = "store-records"
CLOCK = Clock(lambda: 0.0, lambda _: None)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Of the example, in a namespace of its own."""
    path = tmp_path_factory.mktemp("store") / "store.yaml"
    path.write_text(EXAMPLE.read_text().replace("shop", "store"))
    return make_plan(PlanRequest(FilesSource([str(path)]).read(), load_prices(None))), manifests(path)


@pytest.fixture(scope="module")
def store(kubernetes, plan):
    kubernetes.have({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RECORDS}}, *plan[1])
    return kubernetes


def user(kubernetes, plan, name, *without):
    """Somebody with the printed roles, less some rights: `verb plural`."""
    for number, role in enumerate((cluster_role(plan.steps), records_role(RECORDS))):
        rules = [
            {**rule, "verbs": [verb for verb in rule["verbs"] if f"{verb} {rule['resources'][0]}" not in without]}
            for rule in role["rules"]
        ]
        kubernetes.api.allow(name, {**role, "rules": [rule for rule in rules if rule["verbs"]]}, f"{name}-{number}")
    server = kubernetes.server(kubernetes.api.kubeconfig(name, kubernetes.api.certificate_user(name)))
    until(lambda: known(server))
    return server


def known(server):
    try:
        return cluster_identity(server)
    except SidestepError:
        return ""


def test_the_printed_roles_are_enough(store, plan):
    server = user(store, plan[0], "mover")
    values = healthy(plan[0])
    world = ClusterWorld(server, "one", measure=lambda query, _: values.get(query.promql))
    records = ClusterRecords(server, RECORDS, lambda: "", CLOCK)
    records.begin("r1", b"{}")
    patience = Patience(poll=0.05, rollout=60, look=0.05, window=0.5, past=0.1)
    with records.hold("r1", "mover"):
        ended = runner(plan[0], world, records.journal("r1"), real=True, patience=patience).run()
        assert ended.how is Ending.COMPLETED, ended.why
        back = runner(plan[0], world, records.journal("r1"), real=True, patience=patience).take_back(0, "enough")
        assert back.how is Ending.REVERSED, back.why
    assert records.runs() == ("r1",)


def effect_of(plan, kind, test=lambda _: True):
    return next(step.effect for step in plan.steps if isinstance(step.effect, kind) and test(step.effect))


WITHOUT = {
    "patch deployments": lambda plan, world: have_happen(world, effect_of(plan, SetLabels, template), "t", ""),
    "get deployments": lambda plan, world: world.read(effect_of(plan, SetLabels, template).object),
    "create authorizationpolicies": lambda plan, world: have_happen(world, effect_of(plan, Apply, policy), "t", ""),
    "list pods": lambda plan, world: world.holds(effect_of(plan, Wait, lambda wait: wait.what.value == "captured")),
    "get gateways": lambda plan, world: world.holds(effect_of(plan, Wait)),
}


def template(effect):
    return effect.template


def policy(effect):
    return effect.object.kind == "AuthorizationPolicy"


@pytest.mark.parametrize("right", WITHOUT)
def test_a_right_that_is_missing_is_named(store, plan, right):
    server = user(store, plan[0], right.replace(" ", "-"), right)
    with pytest.raises(SidestepError) as caught:
        WITHOUT[right](plan[0], ClusterWorld(server, "one"))
    verb, plural = right.split()
    assert f"allow verb {verb} on {plural}" in caught.value.remedy


@pytest.mark.parametrize("right", ["create configmaps", "get leases", "list configmaps"])
def test_so_is_one_that_keeping_records_takes(store, plan, right):
    server = user(store, plan[0], f"records-{right.replace(' ', '-')}", right)
    records = ClusterRecords(server, RECORDS, lambda: "", CLOCK)

    def keep():
        records.runs()
        records.begin(right.split()[0], b"{}")
        with records.hold("r", "x"):
            pytest.fail("it was held")

    with pytest.raises(SidestepError) as caught:
        keep()
    verb, plural = right.split()
    assert f"allow verb {verb} on {plural}" in caught.value.remedy
