"""Thresholds as a kubelet has them."""

from sidestep.lab.agent.probes.state import Meaning, ProbeState
from sidestep.lab.workload.containers import Probe, ProbeKind

STARTUP, LIVENESS, READINESS = ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS


def test_without_probes_a_container_is_ready_at_once():
    state = ProbeState(())
    assert (state.started, state.ready, state.reason) == (True, True, "")


def test_readiness_needs_a_success_and_says_so():
    state = ProbeState([Probe(READINESS)])
    assert (state.started, state.ready) == (True, False)
    assert state.take(READINESS, "") is Meaning.CHANGED
    assert (state.ready, state.reason) == (True, "")


def test_readiness_is_lost_after_three_failures_in_a_row_and_not_sooner():
    state = ProbeState([Probe(READINESS)])
    state.take(READINESS, "")
    for problem in ("a", "b", "", "c", "d"):
        assert state.take(READINESS, problem) is Meaning.NOTHING
        assert state.ready
    assert state.take(READINESS, "e") is Meaning.CHANGED
    assert not state.ready
    assert "e" in state.reason


def test_a_success_threshold_counts_in_a_row():
    state = ProbeState([Probe(READINESS, success_threshold=2, failure_threshold=1)])
    assert [state.take(READINESS, each) for each in ("", "x", "", "")][-1] is Meaning.CHANGED
    assert state.ready


def test_a_container_is_not_ready_before_it_is_started():
    state = ProbeState([Probe(STARTUP), Probe(LIVENESS)])
    assert (state.started, state.ready) == (False, False)
    assert state.take(STARTUP, "") is Meaning.CHANGED
    assert (state.started, state.ready) == (True, True)


def test_liveness_asks_for_a_restart_after_its_threshold_and_begins_to_count_anew():
    state = ProbeState([Probe(LIVENESS, failure_threshold=2)])
    taken = [state.take(LIVENESS, "dead") for _ in range(4)]
    assert taken == [Meaning.NOTHING, Meaning.RESTART, Meaning.NOTHING, Meaning.RESTART]
    assert state.ready


def test_a_startup_probe_that_fails_asks_for_a_restart():
    state = ProbeState([Probe(STARTUP, failure_threshold=1)])
    assert state.take(STARTUP, "slow") is Meaning.RESTART
    assert not state.started
