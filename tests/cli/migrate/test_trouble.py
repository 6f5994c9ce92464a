"""The command carries a plan out where things go wrong: it stops safely, says where and what to do next, and goes on or back."""

import json
import shutil
import signal
import subprocess
from datetime import timedelta

import pytest
from tests.support.cluster_migrations import AFTER, BEFORE, INJECT, MODE, NEVER, Carrying, resigned, ungated
from tests.support.clusters import until
from tests.support.http import Answer
from tests.support.killed import killed_at
from tests.support.promql_stub import speaking, vector
from tests.support.servers import EXPIRED

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kubernetes")]
ELSEWHERE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc")
"""A process that does not see ours, and that we are not seen by: to a Lease it is on another machine."""
BEGUN = ("--apply", "--yes", "--no-gates")


@pytest.fixture
def elsewhere():
    """What begins a process on another machine, as far as one can tell."""
    if not shutil.which("unshare") or subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no process may have a space of processes of its own here")
    return ELSEWHERE


def held_up(migration, never="ready"):
    """The next pods of `web` are never ready, or never captured."""
    migration.changed(lambda labels: labels.update({NEVER: never}))


def let_go(migration):
    migration.changed(lambda labels: labels.pop(NEVER))


def test_a_server_that_is_gone_in_the_middle_of_a_wave_is_waited_for(migration, kubernetes):
    with Carrying(migration, *BEGUN) as run:
        assert run.reaches("stepBegan", "w001")
        kubernetes.process.stop()
        try:
            until(lambda: "waiting for it, 300 s at most" in run.said)
            assert run.process.poll() is None
        finally:
            kubernetes.process.start()
        code, said = run.ended()
    assert (code, "it can be asked again: going on" in said) == (0, True), said
    assert migration.stands() == AFTER


def test_a_server_that_is_gone_for_too_long_leaves_a_run_that_any_machine_goes_on_with(migration, kubernetes):
    with Carrying(migration, *BEGUN, "--patience", "1s") as run:
        assert run.reaches("stepBegan", "w001")
        kubernetes.process.stop()
        try:
            code, said = run.ended()
        finally:
            kubernetes.process.start()
    assert code == 6, said
    assert "is left as it stands; its journal says where" in said
    assert "interrupted" in migration.run(verb="status").stdout.splitlines()[0]
    resumed = migration.run("--patience", "5m", verb="resume")
    assert resumed.returncode == 0, resumed.stderr
    assert migration.stands() == AFTER


def test_expired_credentials_are_named_and_nothing_is_done(migration, kubernetes):
    migration.log_in("old", lasts=EXPIRED)
    done = migration.run(*BEGUN)
    assert (done.returncode, "credentials" in done.stderr) == (1, True)
    assert migration.stands() == BEFORE


def test_credentials_that_expire_in_the_middle_of_a_wave_stop_the_run_until_somebody_logs_in_again(migration):
    held_up(migration)
    for seconds in (4 << number for number in range(6)):  # until it comes as far as that on a machine as slow as this
        migration.log_in("brief", lasts=timedelta(seconds=seconds))
        with Carrying(migration, *BEGUN) as run:
            begun = run.reaches("began")
            code, said = run.ended()
        if begun:
            break
    assert code == 6, said
    assert "the API server does not take the credentials any more" in said
    assert "log in again" in said
    migration.log_in("admin")
    assert "interrupted" in migration.run(verb="status").stdout.splitlines()[0]
    let_go(migration)
    resumed = migration.run(verb="resume")
    assert resumed.returncode == 0, resumed.stderr
    assert migration.stands() == AFTER


def test_a_quota_that_leaves_no_room_is_named_and_the_wave_is_taken_back(migration, kubernetes):
    quota = {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": migration.space},
        "spec": {"hard": {"pods": "4"}},
    }  # fmt: skip
    pods = f"/api/v1/namespaces/{migration.space}/pods"
    until(lambda: len(kubernetes.api.send("GET", pods)["items"]) == 4)
    kubernetes.have(quota)
    used = f"/api/v1/namespaces/{migration.space}/resourcequotas/few"
    until(lambda: kubernetes.api.send("GET", used).get("status", {}).get("used", {}).get("pods") == "4")
    done = migration.run(*BEGUN, "--rollout-within", "3s")
    assert done.returncode == 5, done.stderr
    assert "exceeded quota: few" in done.stderr
    assert migration.modes() == [None, None]


def test_nodes_that_have_no_room_for_new_pods_are_named_and_the_wave_is_taken_back(migration, kubernetes):
    """Two pods fill both nodes, so that a third, which comes before an old one goes, has none."""
    path = f"/apis/apps/v1/namespaces/{migration.space}/deployments/web"

    def filled(cpu):
        def change(tree):
            tree["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}

        kubernetes.api.edit(path, change)

    filled("900")
    try:
        done = migration.run(*BEGUN, "--rollout-within", "3s")
    finally:
        filled("1m")
    assert done.returncode == 5, done.stderr
    assert "Insufficient cpu" in done.stderr
    assert migration.modes() == [None, None]


@pytest.fixture
def waiting(migration):
    """A run that waits until new pods are captured, which they never are."""
    held_up(migration, "captured")
    with Carrying(migration, *BEGUN) as run:
        assert run.reaches("stepDone", "w001-0002")
        yield run


def test_somebody_who_takes_our_label_away_is_seen_and_the_wave_is_taken_back(migration, waiting):
    migration.changed(lambda labels: labels.pop(MODE))
    code, said = waiting.ended()
    assert code == 5, said
    assert f"somebody else has changed it meanwhile: label {MODE} is absent and not 'ambient'" in said
    assert "look who changed it" in said
    assert migration.modes() == [None, None]
    assert INJECT not in migration.labels()


def test_somebody_who_sets_our_label_otherwise_is_not_fought_until_he_agrees(migration, waiting):
    migration.changed(lambda labels: labels.update({MODE: "none"}))
    code, said = waiting.ended()
    assert code == 6, said
    assert (
        f"w001-0001 could not be taken back: w001-0001/back: somebody else has changed it: label {MODE} is 'none'"
        in said
    )
    assert "or rollback" in said
    assert migration.modes()[0] == "none"
    migration.changed(lambda labels: labels.update({MODE: "ambient"}))
    back = migration.run("--yes", verb="rollback")
    assert back.returncode == 0, back.stderr
    assert migration.stands() == BEFORE


def test_of_two_machines_that_begin_at_once_one_carries_out_and_the_other_writes_nothing(migration, elsewhere):
    held_up(migration, "captured")
    with Carrying(migration, *BEGUN) as here, Carrying(migration, *BEGUN, prefix=elsewhere) as there:
        until(lambda: here.is_over or there.is_over)
        refused, other = (here, there) if here.is_over else (there, here)
        code, why = refused.ended()
        assert code == 1, why
        assert "nothing was written" in why or "nothing was done" in why
        let_go(migration)
        assert other.ended()[0] == 0, other.said
    assert len(migration.run(verb="history").stdout.splitlines()) == 2
    assert migration.stands() == AFTER


def test_who_slept_while_another_machine_went_on_with_his_run_writes_nothing_any_more(migration, kubernetes, elsewhere):
    held_up(migration)
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{migration.space}/leases/sidestep-migrate"
    with Carrying(migration, *BEGUN) as asleep:
        assert asleep.reaches("stepBegan", "w001")
        asleep.process.send_signal(signal.SIGSTOP)
        kubernetes.api.edit(lease, lambda tree: tree["spec"].update(renewTime="2020-01-01T00:00:00.000000Z"))
        with Carrying(migration, verb="resume", prefix=elsewhere) as other:
            assert other.reaches("resumed")
            let_go(migration)
            assert other.ended()[0] == 0, other.said
        asleep.process.send_signal(signal.SIGCONT)
        code, said = asleep.ended()
    assert code == 6, said
    assert "somebody else writes this journal" in said or "performs run" in said
    assert "completed" in migration.run(verb="status").stdout.splitlines()[0]
    assert migration.stands() == AFTER


def test_a_gate_whose_prometheus_is_gone_fails_closed_and_its_wave_is_taken_back(migration):
    done = migration.run("--apply", "--yes", "--prometheus", "http://127.0.0.1:1", "--patience", "1s")
    assert done.returncode == 5, done.stderr
    assert "cannot be measured" in done.stderr
    assert migration.modes() == [None, None]


class Metrics:
    """A Prometheus by which all is well, for as long as it is there."""

    def __init__(self):
        self.there = True

    def __call__(self, query):
        if not self.there:
            return Answer(503, b"{}")
        return vector(({}, "0" if "failed" in query.partition("+")[0] else "10000"))


def test_a_prometheus_that_goes_away_between_a_wave_and_its_gate(migration):
    metrics = Metrics()
    plan = resigned(migration, lambda plan: ungated(plan, but="failed-connections"))
    with speaking(metrics) as url:
        asked = ("--apply", "--yes", "--until", "1", "--prometheus", url, "--patience", "1s")
        with Carrying(migration, *asked, plan=plan) as run:
            assert run.reaches("measured", "w001")
            metrics.there = False
            code, said = run.ended()
    assert code == 5, said
    assert "waiting for it, 1 s at most" in said
    assert "connections cannot be measured" in said
    assert migration.modes() == [None, None]


@pytest.mark.parametrize(
    ("kept", "key", "said"),
    [("-journal-00000", "00000001", "the journal is altered"), ("", "sha256", "is not whole")],
    ids=["journal", "plan"],
)
def test_what_somebody_edited_of_its_records_is_no_ground_to_go_on(migration, kubernetes, kept, key, said):
    killed_at(9, *map(str, migration.arguments(*BEGUN)), after=True)
    run = json.loads(migration.run("-o", "json", verb="status").stdout)["run"]
    path = f"/api/v1/namespaces/{migration.space}/configmaps/sidestep-{run}{kept}"
    kubernetes.api.edit(path, lambda tree: tree["data"].update({key: tree["data"][key].replace("0", "1")}))
    refused = migration.run(verb="resume")
    assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr
