"""Of a mesh that is too large, one workload of each shape: what stays is what it was, and all that goes is named."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.support import alike as a
from tests.support import unlike
from tests.support.rehearsals import rehearsal

from sidestep.actions.memory import apply, problems
from sidestep.errors import UsageError
from sidestep.model.call_graph import Evidence, call_graph
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.steps import Probe, Step
from sidestep.rehearse.merging import Merging, fitting_in
from sidestep.rehearse.shapes.members import key_of
from sidestep.rehearse.shapes.smaller import smaller
from sidestep.report.rehearsal.page import page
from sidestep.report.rehearsal.table import text
from sidestep.semantics.decide import decide
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request, Tcp, WorkloadClient

ROOT = "istio-system"


def always(whole):
    return fitting_in(whole, Merging.ALWAYS, 2, 1000)


def names(whole):
    return {key[2] for each in whole.objects if (key := key_of(each))[0] == "Deployment"}


def everything(whole):
    return names(whole) | {name.rpartition("/")[2] for each in whole.stand_ins for name in each.stands_for}


def test_nothing_is_merged_that_has_room_and_nothing_where_that_is_not_wished():
    whole = a.example()
    assert fitting_in(whole, Merging.NEEDED, 2, 11) is whole
    assert fitting_in(whole, Merging.NEVER, 2, 1) is whole


def test_no_more_is_merged_than_is_needed_and_first_those_of_whom_most_are_alike():
    found = fitting_in(a.example(), Merging.NEEDED, 2, 9)
    assert {each.workload: each.stands_for for each in found.stand_ins} == {
        "Deployment shop/leaf-00": ("Deployment shop/leaf-01", "Deployment shop/leaf-02")
    }
    assert len(names(found)) == 9


def test_what_has_no_room_even_then_is_refused():
    with pytest.raises(UsageError, match=r"is 5 pods, and there is room for 4; 6 more are merged"):
        fitting_in(a.example(), Merging.NEEDED, 2, 4)
    alone = a.whole([a.namespace(), *a.workload("web", "db"), *a.workload("db")])
    with pytest.raises(UsageError, match="no two of them are of one shape"):
        fitting_in(alone, Merging.ALWAYS, 2, 1)


def test_what_stays_is_byte_for_byte_what_it_was():
    whole = a.example()
    found = always(whole)
    assert all(any(each is other for other in whole.objects) for each in found.objects)
    before = {each.id: each.body for some in whole.mesh.resources.values() for each in some}
    after = {each.id: each.body for some in found.mesh.resources.values() for each in some}
    assert after.items() < before.items()
    steps = {step.id: step.effect for step in whole.plan.steps}
    assert all(step.effect == steps[step.id] for step in found.plan.steps)


def test_all_that_goes_is_named():
    whole = a.example()
    found = always(whole)
    objects = {"{} {}/{}".format(*key_of(each)) for each in whole.objects if each not in found.objects}
    steps = {step.id for step in whole.plan.steps} - {step.id for step in found.plan.steps}
    assert {name for each in found.stand_ins for name in each.left_out} == objects
    assert {name for each in found.stand_ins for name in each.steps} == steps
    assert everything(found) == names(whole)


def test_the_plan_is_carried_out_without_a_step_that_has_nothing_to_do():
    found = always(a.example())
    kept = {step.id for step in found.plan.steps}
    assert not problems(found.plan, found.mesh)
    assert all(kept.issuperset(step.after) for step in found.plan.steps)
    assert all(kept.issuperset((*wave.steps, *wave.rollback)) for wave in found.plan.waves)
    gone = {ref.name for ref in (each.workload for each in a.example().plan.workloads)} - names(found)
    assert not [step.id for step in found.plan.steps if step.effect.__struct_config__.tag == "restart"
                and step.effect.workload.name in gone]  # fmt: skip


def test_whoever_came_after_a_step_that_is_left_out_comes_after_what_that_came_after():
    whole = a.example()
    first, *rest = whole.plan.steps
    about = next(step for step in rest if "leaf-01" in str(step.effect))
    chained = structs.replace(about, after=(first.id,))
    last = structs.replace(rest[-1], after=(about.id,))
    steps = tuple({chained.id: chained, last.id: last}.get(step.id, step) for step in whole.plan.steps)
    merges = a.shapes(whole).merges()
    found = smaller(structs.replace(whole, plan=structs.replace(whole.plan, steps=steps)), merges, ROOT)
    assert found.plan.steps[-1].after == (first.id,)


def test_requests_by_hand_go_with_whom_they_ask_or_who_asks_and_with_nobody_of_the_same_name():
    whole = a.example()
    asks = {
        "to": ("shop/front", "leaf-01.shop.svc.cluster.local"), "from": ("shop/leaf-01", "front.shop"),
        "other": ("shop/front", "leaf-01.back.svc.cluster.local"), "longer": ("back/leaf-01", "leaf-01.shopping"),
    }  # fmt: skip
    probes = tuple(Step(name, 1, Probe(client, to, 80), name) for name, (client, to) in asks.items())
    plan = structs.replace(whole.plan, steps=(*whole.plan.steps, *probes))
    found = smaller(structs.replace(whole, plan=plan), a.shapes(whole).merges(), ROOT)
    assert [step.id for step in found.plan.steps if step.id in asks] == ["other", "longer"]


def test_calls_of_all_are_made_by_those_who_stay():
    whole = a.example()
    edges = [structs.replace(each, requests_per_second=1.0, evidence=Evidence.METRICS) for each in whole.graph.edges]
    found = always(structs.replace(whole, graph=call_graph(edges)))
    to_services = (each for each in found.graph.edges if each.target.service)
    rates = {(each.source.name, each.target.service): each.requests_per_second for each in to_services}
    assert rates == {
        ("front", "leaf-00"): 4, ("front", "guarded-00"): 2, ("front", "begin-00"): 2, ("begin-00", "end-00"): 2,
    }  # fmt: skip


def test_merging_what_was_merged_merges_no_more():
    found = always(a.example())
    assert always(found).objects == found.objects
    assert always(found).stand_ins == found.stand_ins


def test_where_one_alone_is_left_it_is_said_that_nobody_asks_whom_it_is_like():
    (note,) = fitting_in(a.example(), Merging.NEEDED, 2, 6).notes
    assert note.startswith("what workloads of one shape ask each other is not sent")
    alone = {name.rpartition("/")[2] for name in note.partition(": ")[2].split(", ")}
    assert alone == {"begin-00", "end-00", "guarded-00"}, "of leaves there are two"
    assert not fitting_in(a.example(), Merging.NEEDED, 2, 9).notes, "two of them are there"


def test_where_some_were_merged_others_are_alike_who_were_not():
    """One calls two leaves, another calls three: once there is one leaf for each, they call as many."""
    objects = [a.namespace(), *a.workload("one", "a-0", "a-1"), *a.workload("two", "b-0", "b-1", "b-2")]
    for name in ("a-0", "a-1", "b-0", "b-1", "b-2"):
        objects += a.workload(name)
    found = always(a.whole(objects))
    assert names(found) == {"a-0", "one"}
    stands = {each.workload: {name.rpartition("/")[2] for name in each.stands_for} for each in found.stand_ins}
    assert stands == {"Deployment shop/a-0": {"a-1", "b-0", "b-1", "b-2"}, "Deployment shop/one": {"two"}}
    assert everything(found) == {"one", "two", "a-0", "a-1", "b-0", "b-1", "b-2"}


def test_every_form_of_the_report_names_all_that_was_merged():
    found = always(a.example())
    told = rehearsal(stand_ins=found.stand_ins)
    gone = names(a.example()) - names(found)
    for form in (text(told), text(told, 72), page(told)):
        assert all(name in form for name in gone)
        assert "6 workloads were not rehearsed by themselves" in form.replace("\n  ", " ")
    assert "not rehearsed" not in text(rehearsal())
    assert all(len(line) <= 60 for line in text(told, 60).splitlines() if "leaf-" in line)


MESHES = st.one_of(unlike.meshes(), unlike.meshes().map(lambda more: [*a.alike()[1:], *more])).map(a.whole)
PAYLOADS = (Http("GET", "/"), Http("DELETE", "/"), Tcp())


def judged(index, client, service, payload):
    host = f"{service}.{a.SPACE}.svc.cluster.local"
    return decide(index, Request(WorkloadClient(WorkloadRef(a.SPACE, "Deployment", client)), host, 80, payload)).verdict


def indexes(whole):
    return MeshIndex.of(whole.mesh), MeshIndex.of(apply(whole.plan, whole.mesh))


@settings(max_examples=25, deadline=None)
@given(MESHES)
def test_nobody_is_merged_whose_requests_are_decided_otherwise(whole):
    """Whoever asks whom: with names exchanged it is decided alike, today and once the plan is carried out."""
    deciding, all_names = indexes(whole), sorted(names(whole))
    for merge in a.shapes(whole).merges():
        for client, service, payload in product(all_names, all_names, PAYLOADS):
            other = tuple(merge.exchanged.name(a.SPACE, name) for name in (client, service))
            if other != (client, service):
                for index in deciding:
                    assert judged(index, client, service, payload) is judged(index, *other, payload)


@settings(max_examples=25, deadline=None)
@given(MESHES)
def test_whoever_stays_is_decided_as_in_the_whole_mesh(whole):
    found = always(whole)
    kept = sorted(names(found))
    assert everything(found) == names(whole)
    assert always(found).objects == found.objects
    for large, small in zip(indexes(whole), indexes(found), strict=True):
        for client, service, payload in product(kept, kept, PAYLOADS):
            assert judged(large, client, service, payload) is judged(small, client, service, payload)
