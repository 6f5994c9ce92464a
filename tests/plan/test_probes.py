"""Requests to ask by hand after a wave: they are answered in every later state as they are today."""

import pytest
from tests.support.runs import EXAMPLE, example_plan

from sidestep.actions.memory import apply
from sidestep.model.call_graph import Callee, Caller, CallerRole, Edge, Evidence, call_graph
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.report.plan.run_page import run_page
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request, WorkloadClient
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices

ANSWERS = {"allow": Verdict.ALLOW, "deny": Verdict.DENY}


def made(text, tmp_path, **asked):
    path = tmp_path / "mesh.yaml"
    path.write_text(text)
    mesh = FilesSource([str(path)]).read()
    return mesh, make_plan(PlanRequest(mesh, load_prices(None), **asked))


def answer(mesh, plan, probe):
    refs = {f"{each.workload.namespace}/{each.workload.name}": each.workload for each in plan.workloads}
    client = WorkloadClient(refs[probe.client])
    asked = Request(client, probe.to, probe.port, Http(probe.method, probe.path))
    return decide(MeshIndex.of(mesh), asked).verdict


def probes(plan):
    return {wave.number: wave.probes for wave in plan.waves}


def test_who_moves_is_asked_what_must_pass_and_what_must_be_refused():
    found = probes(example_plan())
    assert [(each.method, each.to.partition(".")[0], each.expect) for each in found[2]] == [
        ("GET", "orders", "allow"), ("DELETE", "orders", "deny"),
    ]  # fmt: skip
    assert {each.expect for each in found[1]} == {"allow"}
    assert (found[0], found[3]) == ((), ())


@pytest.mark.parametrize("wave", [1, 2])
def test_they_are_answered_today_as_after_their_wave_and_at_the_end(wave):
    mesh, plan = FilesSource([str(EXAMPLE)]).read(), example_plan()
    states = (mesh, apply(plan, mesh, wave), apply(plan, mesh))
    asked = probes(plan)[wave]
    assert asked
    for probe in asked:
        assert [answer(state, plan, probe) for state in states] == [ANSWERS[probe.expect]] * 3


def test_who_is_known_to_call_is_who_asks(tmp_path):
    called = Edge(
        Caller(CallerRole.WORKLOAD, "shop", "Deployment", "stock"), Callee("shop", "Deployment", "orders"),
        evidence=Evidence.ACCESS_LOG,
    )  # fmt: skip
    _, plan = made(EXAMPLE.read_text(), tmp_path, graph=call_graph([called]))
    clients = {each.client for wave in plan.waves for each in wave.probes if each.to.startswith("orders.")}
    assert clients == {"shop/stock"}


def test_what_only_a_header_tells_apart_is_not_asked_by_hand(tmp_path):
    text = EXAMPLE.read_text().replace('methods: ["DELETE"]', 'paths: ["*"]')
    told = 'when: [{key: "request.headers[x-secret]", notValues: ["1"]}]'
    _, plan = made(text.replace('            paths: ["*"]', f'            paths: ["*"]\n      {told}'), tmp_path)
    asked = [each for wave in plan.waves for each in wave.probes if each.to.startswith("orders.")]
    assert {each.expect for each in asked} == {"deny"}


def test_a_wave_of_bytes_has_none_and_its_page_says_nothing(tmp_path):
    text = EXAMPLE.read_text().replace("name: http\n", "name: tcp\n")
    _, plan = made(text, tmp_path)
    assert set(probes(plan).values()) == {()}
    assert all("by hand" not in run_page(plan, wave) for wave in plan.waves)


def test_the_page_of_a_wave_has_their_commands():
    plan = example_plan()
    page = run_page(plan, next(wave for wave in plan.waves if wave.number == 2))
    asked = page[page.index("## Then ask by hand") :]
    assert "# expect: deny\nkubectl exec deployments.apps/" in asked
    assert "--request DELETE http://orders.shop.svc.cluster.local:80/" in asked
