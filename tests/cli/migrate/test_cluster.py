"""The command against a real API server with real controllers: looked at, carried out, killed, steered and taken back."""

import json
import signal

import jsonschema
import pytest
from msgspec.structs import replace
from tests.support.cluster_migrations import AFTER, BEFORE, MODE, NEVER, labels_of_pods, resigned, ungated
from tests.support.clusters import denying_webhook, until
from tests.support.commands import sidestep
from tests.support.killed import killed_at

from sidestep.actions.runs.history import RunTold
from sidestep.plan.document import Signature
from sidestep.plan.signature import inputs
from sidestep.report.schema import schema
from sidestep.sources.cluster import ClusterSource

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kubernetes")]


def test_looked_at_it_writes_nothing_and_shows_what_the_server_would_make_of_it(migration):
    done = migration.run()
    assert done.returncode == 0, done.stderr
    assert "the API server was asked what it would make of them. Nothing was written." in done.stdout
    diff = migration.run("-o", "diff")
    assert f"+++ Deployment {migration.space}/web" in diff.stdout
    assert "+        istio.io/dataplane-mode: ambient" in diff.stdout
    assert migration.stands() == BEFORE


def test_carried_out_told_and_taken_back(migration):
    done = migration.run("--apply", "--yes", "--no-gates")
    assert done.returncode == 0, done.stderr
    assert migration.stands() == AFTER
    told = json.loads(migration.run("-o", "json", verb="status").stdout)
    jsonschema.validate(told, json.loads(schema(RunTold)))
    assert (told["state"], told["holder"]) == ("completed", "")
    assert all(wave["done"] == wave["steps"] for wave in told["waves"])
    again = migration.run()
    assert "~" not in again.stdout
    assert migration.run("--yes", verb="rollback").returncode == 0
    assert migration.stands() == BEFORE
    assert migration.run(verb="history").stdout.splitlines()[1].split()[-1] == "reversed"


def test_killed_at_lines_of_its_journal_it_goes_on_or_back(migration):
    command = [*migration.arguments("--apply", "--yes", "--no-gates", "--parallel", "1")]
    for number, line in enumerate((2, 9, 14, 19, 24, 29)):
        goes_on = number % 2 == 0
        killed_at(line, *map(str, command), after=not goes_on)
        assert "interrupted" in migration.run(verb="status").stdout.splitlines()[0]
        if goes_on:
            resumed = migration.run(verb="resume")
            assert resumed.returncode == 0, (line, resumed.stderr)
            assert "as it was performed before: --parallel 1 --no-gates" in resumed.stderr
            assert migration.stands() == AFTER, line
        back = migration.run("--yes", verb="rollback")
        assert back.returncode == 0, (line, back.stderr)
        assert migration.stands() == BEFORE, line


def test_what_somebody_changed_since_is_shown_and_nothing_is_written(migration, kubernetes):
    path = f"/apis/apps/v1/namespaces/{migration.space}/deployments/web"
    kubernetes.api.edit(path, lambda tree: labels_of_pods(tree).update({MODE: "none"}))
    writes = [migration.read("Deployment", name)["metadata"]["generation"] for name in ("web", "orders")]
    done = migration.run()
    assert done.returncode == 2
    assert f"Deployment {migration.space}/web, which " in done.stdout
    assert (
        "-        istio.io/dataplane-mode: none" in done.stdout
        or "+        istio.io/dataplane-mode: none" in done.stdout
    )
    assert "plan again" in done.stdout
    where = migration.arguments("--apply", "--yes", "--no-gates")
    where.remove("--force")
    refused = sidestep(*map(str, where))
    assert (refused.returncode, "nothing was written" in refused.stderr) == (2, True)
    assert writes == [migration.read("Deployment", name)["metadata"]["generation"] for name in ("web", "orders")]


def test_what_the_cluster_would_refuse_is_told_before_the_first_write(migration, kubernetes):
    with denying_webhook(kubernetes.api, migration.space, "not on a Friday"):
        done = migration.run()
    assert done.returncode == 2
    assert "The cluster would refuse w001-" in done.stdout
    assert "not on a Friday" in done.stdout


def test_a_plan_of_another_cluster_or_an_edited_one_is_refused(migration):
    other = resigned(migration, lambda plan: replace(plan, signature=Signature("another")))
    done = migration.run("--apply", "--yes", plan=other)
    assert (done.returncode, "is a plan of another cluster: of another" in done.stderr) == (1, True)
    saved = migration.folder / "plan" / "plan.json"
    saved.write_text(saved.read_text().replace(f'"{MODE}": "ambient"', f'"{MODE}": "none"', 1))
    edited = migration.run("--apply", "--yes")
    assert (edited.returncode, "was edited" in edited.stderr) == (1, True)
    assert migration.stands() == BEFORE
    assert "No plan was carried out yet" in migration.run(verb="history").stdout


def test_what_a_plan_of_a_cluster_rests_on_is_looked_at_again(migration, kubernetes):
    source = ClusterSource(kubernetes.access(), (migration.space,))
    mesh = source.read()
    uid = mesh.source.cluster_id or kubernetes.api.send("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    known = {name: found for name, found in inputs(mesh).items() if migration.space in name}
    path = resigned(migration, lambda plan: replace(plan, signature=Signature(uid, known)))
    kubernetes.have({
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "new", "namespace": migration.space}, "spec": {"action": "DENY", "rules": [{}]},
    })  # fmt: skip
    done = migration.run(plan=path)
    assert done.returncode == 2
    assert f"AuthorizationPolicy.security.istio.io {migration.space}/new came since the plan was made" in done.stdout


def test_what_somebody_does_to_the_mesh_meanwhile_is_seen_after_the_wave_that_is_then_taken_back(migration, kubernetes):
    plan = resigned(migration, ungated)
    theirs = {
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "theirs", "namespace": migration.space}, "spec": {"action": "DENY", "rules": [{}]},
    }  # fmt: skip
    with migration.begun("--apply", "--yes", plan=plan) as first:
        assert json.loads(first.stdout.readline())["type"] == "began"
        kubernetes.have(theirs)
        told, said = first.communicate(timeout=240)
    assert first.returncode == 5, (told, said)
    assert "the mesh is another than was foretold" in said
    assert f"AuthorizationPolicy.security.istio.io {migration.space}/theirs was not foretold" in said
    assert migration.modes() == [None, None]


def test_a_run_is_not_gone_on_with_where_the_mesh_has_changed_since_the_plan_was_made(migration, kubernetes):
    known = inputs(ClusterSource(kubernetes.access()).read())
    uid = kubernetes.api.send("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    plan = resigned(migration, lambda plan: replace(ungated(plan), signature=Signature(uid, known)))
    killed_at(9, *map(str, migration.arguments("--apply", "--yes", plan=plan)), after=True)
    theirs = {
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "theirs", "namespace": migration.space}, "spec": {"action": "DENY"},
    }  # fmt: skip
    kubernetes.have(theirs)
    changed = migration.run(verb="resume")
    assert changed.returncode == 2, changed.stderr
    said = f"AuthorizationPolicy.security.istio.io {migration.space}/theirs came since the plan was made"
    assert said in changed.stderr
    assert "interrupted" in migration.run(verb="status").stdout.splitlines()[0]
    gone_on = migration.run("--force", verb="resume")
    assert gone_on.returncode == 0, gone_on.stderr
    assert migration.stands() == AFTER


def test_without_anybody_who_measures_a_plan_with_gates_does_not_begin(migration):
    done = migration.run("--apply", "--yes")
    assert (done.returncode, "gates need somebody who measures" in done.stderr) == (1, True)
    assert migration.stands() == BEFORE


def test_steered_from_another_terminal_while_pods_are_never_ready(migration, kubernetes):
    path = f"/apis/apps/v1/namespaces/{migration.space}/deployments/web"
    kubernetes.api.edit(path, lambda tree: labels_of_pods(tree).update({NEVER: "ready"}))
    with migration.begun("--apply", "--yes", "--no-gates") as first:
        until(lambda: "running" in migration.run(verb="status").stdout)
        second = migration.run("--apply", "--yes", "--no-gates")
        assert second.returncode == 1
        assert "is running; nothing was written" in second.stderr
        assert migration.run(verb="pause").returncode == 0
        assert migration.run(verb="abort").returncode == 0
        kubernetes.api.edit(path, lambda tree: labels_of_pods(tree).pop(NEVER))
        first.communicate(timeout=240)
    assert first.returncode == 5
    assert migration.modes() == [None, None]


def test_interrupted_by_its_user_it_pauses_and_goes_on(migration):
    with migration.begun("--apply", "--yes", "--no-gates") as first:
        for _ in range(3):
            first.stdout.readline()
        first.send_signal(signal.SIGINT)
        _, said = first.communicate(timeout=240)
    assert (first.returncode, "pausing once what is running is done" in said) == (130, True)
    assert migration.run(verb="status").stdout.splitlines()[0].endswith("paused")
    gated = migration.run("--gates", verb="resume")
    assert (gated.returncode, "gates need somebody who measures" in gated.stderr) == (1, True)
    assert migration.run(verb="resume").returncode == 0
    assert migration.stands() == AFTER
