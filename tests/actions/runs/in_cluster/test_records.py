"""What is kept in a cluster withstands other writers, answers that are lost, and holders that are gone."""

import os
import time
from itertools import count

import msgspec
import pytest
from tests.support.clusters import Deaf

from sidestep.actions.runs.events import Ended, Ending, Measured, StepBegan, StepDone
from sidestep.actions.runs.in_cluster.records import ClusterRecords
from sidestep.actions.runs.performing import Clock, Patience
from sidestep.actions.runs.records import Held, HeldError
from sidestep.errors import WorldError

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kubernetes")]
EVENTS = (StepBegan("a"), StepDone("a", "seen"), Measured("g", None), Ended(Ending.COMPLETED))
CLOCK = Clock(time.monotonic, time.sleep)
PATIENCE = Patience(poll=0.05, transport=20)
SPACES = (f"kept-{number}" for number in count())


@pytest.fixture
def space(kubernetes):
    name = next(SPACES)
    kubernetes.have({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture
def records(kubernetes, space):
    made = ClusterRecords(kubernetes.server(), space, lambda: "", CLOCK, PATIENCE)
    made.begin("r", b"{}")
    return made


def told(records):
    return tuple(each.event for each in records.journal("r").entries())


def test_of_two_writers_of_one_journal_one_is_refused(records):
    one, two = records.journal("r"), records.journal("r")
    one.append(StepBegan("a"))
    two.append(StepBegan("b"))
    with pytest.raises(WorldError, match="somebody else writes this journal"):
        one.append(StepDone("a"))
    assert told(records) == (StepBegan("a"), StepBegan("b"))
    for journal in (one, two):
        journal.entries()
    big = StepDone("a", "x" * 40_000)
    one.append(big)
    with pytest.raises(WorldError, match="somebody else writes this journal"):
        two.append(big)


def test_a_line_that_somebody_alters_in_the_cluster_is_noticed(kubernetes, records, space):
    path = f"/api/v1/namespaces/{space}/configmaps"
    for event in EVENTS:
        records.journal("r").append(event)
    part = kubernetes.api.send("GET", f"{path}/sidestep-r-journal-00000")
    for data in (
        {**part["data"], "00000001": part["data"]["00000001"].replace("seen", "unseen")},
        {key: line for key, line in part["data"].items() if key != "00000001"},
    ):
        part = kubernetes.api.send("PUT", f"{path}/sidestep-r-journal-00000", {**part, "data": data})
        with pytest.raises(WorldError, match="the journal is altered: line 2"):
            told(records)


def test_a_line_that_came_through_unheard_is_not_written_twice(kubernetes, records, space):
    server = Deaf(kubernetes.access())
    journal = ClusterRecords(server, space, lambda: "", CLOCK, PATIENCE).journal("r")
    for event in (StepBegan("a"), StepDone("a"), StepBegan("b")):
        server.deaf_to = frozenset({"POST", "PATCH"})
        journal.append(event)
        assert len(server.deaf_to) == 1
    server.close()
    assert told(records) == (StepBegan("a"), StepDone("a"), StepBegan("b"))


def test_a_holder_that_is_gone_is_followed(kubernetes, records, space):
    """By a process of this machine at once, and by others when its time is up."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases/sidestep-migrate"
    with records.hold("r", "one"):
        pass
    lease = kubernetes.api.send("GET", path)
    seat = msgspec.json.decode(lease["metadata"]["annotations"]["sidestep.dev/seat"])
    spec = {**lease["spec"], "holderIdentity": "somebody"}

    def left(renewed, **elsewhere):
        notes = {"sidestep.dev/seat": msgspec.json.encode({**seat, **elsewhere}).decode(), "sidestep.dev/run": "x"}
        now = kubernetes.api.send("GET", path)
        meta = {**now["metadata"], "annotations": notes}
        kubernetes.api.send("PUT", path, {**now, "metadata": meta, "spec": {**spec, "renewTime": renewed}})
        return records.holder()

    assert left("2100-01-01T00:00:00.000000Z", since="1") is None
    assert left("2100-01-01T00:00:00.000000Z", machine="another") == Held("x", "somebody")
    assert left("2020-01-01T00:00:00.000000Z", machine="another") is None
    with records.hold("r", "two") as check:
        check()
        assert kubernetes.api.send("GET", path)["spec"]["leaseTransitions"] == 1


def test_who_lost_the_lease_writes_no_more(kubernetes, records, space):
    path = f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases/sidestep-migrate"
    seconds = [0.0]
    slow = ClusterRecords(kubernetes.server(), space, lambda: "", Clock(lambda: seconds[0], time.sleep))
    with slow.hold("r", "one") as check:
        seconds[0] += 60
        check()  # nobody has taken it meanwhile
        lease = kubernetes.api.send("GET", path)
        taken = {**lease["spec"], "holderIdentity": "two"}
        notes = {"sidestep.dev/seat": "{}", "sidestep.dev/run": "other"}
        kubernetes.api.send(
            "PUT", path, {**lease, "metadata": {**lease["metadata"], "annotations": notes}, "spec": taken}
        )
        check()
        seconds[0] += 60
        with pytest.raises(HeldError, match="two performs run other now"):
            check()
    assert records.holder() == Held("other", "two")


def test_a_namespace_that_is_not_there_is_said_to_be_made(kubernetes):
    nowhere = ClusterRecords(kubernetes.server(), "nowhere", lambda: "", CLOCK, PATIENCE)
    assert nowhere.runs() == ()
    with pytest.raises(WorldError, match='namespaces "nowhere" not found') as caught:
        nowhere.begin("r", b"{}")
    assert "kubectl create namespace nowhere" in caught.value.remedy


def test_a_plan_of_which_a_part_is_gone_is_not_gone_on_with(kubernetes, records, space):
    path = f"/api/v1/namespaces/{space}/configmaps"
    records.begin("big", os.urandom(900_000))
    kubernetes.api.send("DELETE", f"{path}/sidestep-big-plan-000")
    with pytest.raises(WorldError, match="the plan that is kept of it is not whole"):
        records.plan("big")
