"""`sidestep convert`, as a user runs it: the samples that everybody knows, with policies of one's own."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.support.commands import on_terminal, sidestep
from tests.support.kustomized import built, objects

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "docs" / "examples" / "shop.yaml"
ENABLED = """\
apiVersion: v1
kind: Namespace
metadata:
  name: default
  labels: {istio-injection: enabled}
---
"""
GUARD = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: %(name)s, namespace: default}
spec:
  selector: {matchLabels: {app: %(app)s}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/%(caller)s]}}]
    to: [{operation: {%(operation)s}}]
---
"""


def application(name, *, account="", port=9080, protocol="http"):
    """A Deployment with one version, its Service and its account, as both samples write them."""
    account = account or name
    return f"""\
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {account}, namespace: default}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default, labels: {{app: {name}}}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: {protocol}, port: {port}, targetPort: {port}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default, labels: {{app: {name}}}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, version: v1}}}}
    spec:
      serviceAccountName: {account}
      containers: [{{name: server, image: "registry.example.com/{name}:1", ports: [{{containerPort: {port}}}]}}]
---
"""


def bookinfo():
    apps = (application(each, account=f"bookinfo-{each}") for each in ("productpage", "details", "reviews", "ratings"))
    guard = {"name": "ratings-viewer", "app": "ratings", "caller": "bookinfo-reviews", "operation": "methods: [GET]"}
    return ENABLED + "".join(apps) + GUARD % guard


def boutique():
    apps = (application(each, port=7070, protocol="grpc") for each in ("frontend", "checkoutservice", "cartservice"))
    paths = "paths: ['/hipstershop.CartService/*']"
    guard = {"name": "cart-callers", "app": "cartservice", "caller": "frontend", "operation": paths}
    return ENABLED + "".join(apps) + GUARD % guard


@pytest.fixture(params=[bookinfo, boutique], ids=["bookinfo", "online-boutique"])
def repository(request, tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "all.yaml").write_text(request.param())
    return folder


def tree(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def document(*arguments):
    return json.loads(sidestep("convert", *arguments, "-o", "json").stdout)


def test_a_user_sees_what_becomes_of_each_object_and_that_it_was_proved(repository):
    done = sidestep("convert", "--from", repository, "--prove")
    assert done.returncode == 0, done.stderr
    for word in ("base", "waves/01", "late", "SID301", "Proved:", "taken for fine"):
        assert word in done.stdout


def test_several_processes_prove_what_one_proves(tmp_path):
    spaces = (bookinfo().replace("default", f"books-{number}") for number in range(8))
    (tmp_path / "all.yaml").write_text("".join(spaces))
    one, two = (document("--from", tmp_path, "--prove", "--jobs", jobs) for jobs in ("1", "2"))
    assert one["proof"]["verdict"] == "equal"
    assert one == two


def test_nothing_is_written_without_being_asked(repository):
    before = tree(repository.parent)
    sidestep("convert", "--from", repository)
    assert tree(repository.parent) == before


def test_a_folder_holds_a_base_an_overlay_for_each_wave_and_the_losses(repository, tmp_path):
    done = sidestep("convert", "--from", repository, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = {str(path) for path in tree(tmp_path / "out")}
    assert names >= {"base/kustomization.yaml", "waves/01/kustomization.yaml", "late/kustomization.yaml", "losses.md"}
    for path, content in tree(tmp_path / "out").items():
        if path.suffix == ".yaml":
            assert list(yaml.safe_load_all(content)), path


def test_a_folder_of_nothing_to_do_is_built_all_the_same(tmp_path):
    (tmp_path / "shop.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    done = sidestep("convert", "--from", tmp_path / "shop.yaml", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [built(tmp_path / "out" / stage).strip() for stage in ("base", "late")] == ["", ""]


def test_equal_input_gives_equal_bytes_and_an_earlier_folder_is_replaced(repository, tmp_path):
    for name in ("one", "other", "one"):
        assert sidestep("convert", "--from", repository, "--out", tmp_path / name).returncode == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "other")


def test_a_folder_that_is_not_ours_is_left_alone(repository, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    done = sidestep("convert", "--from", repository, "--out", tmp_path / "mine")
    assert done.returncode == 1
    assert "conversion.json" in done.stderr
    assert set(tree(tmp_path / "mine")) == {Path("thesis.tex")}


@pytest.mark.real
def test_kustomize_builds_every_stage_as_said_and_the_last_is_already_converted(repository, tmp_path):
    sidestep("convert", "--from", repository, "--out", tmp_path / "out")
    untouched = tmp_path / "built"
    untouched.mkdir()
    for stage in ("base", "waves/01", "late"):
        (untouched / "all.yaml").write_text(built(tmp_path / "out" / stage))
        assert (stage != "late") is bool(document("--from", untouched)["changes"])
        said = {json.dumps(each["object"]): each["manifest"] for each in upto(stage, repository)}
        standing = objects((untouched / "all.yaml").read_text())
        for each, manifest in said.items():
            named = json.loads(each)
            key = (named["kind"], named.get("namespace") or "default", named["name"])
            assert standing.get(key) == manifest


def upto(stage, repository):
    """Changes of the stages up to one."""
    found = document("--from", repository)
    names = found["stages"][: found["stages"].index(stage) + 1]
    return [each for each in found["changes"] if each["stage"] in names]


def test_a_folder_holds_what_to_install_ambient_with(repository, tmp_path):
    sidestep("convert", "--from", repository, "--out", tmp_path / "out")
    install = tmp_path / "out" / "install"
    for chart in ("istiod", "cni", "ztunnel"):
        assert yaml.safe_load((install / f"{chart}.yaml").read_text())
    sidestep("plan", "--from", repository, "--out", tmp_path / "plan")
    assert tree(install) == tree(tmp_path / "plan" / "install")


def test_a_diff_has_the_exit_codes_of_kubectl(repository, tmp_path):
    differs = sidestep("convert", "--from", repository, "--diff")
    assert differs.returncode == 1
    assert "+        istio.io/dataplane-mode: ambient" in differs.stdout
    assert any(line.startswith("--- Deployment default/") for line in differs.stdout.splitlines())
    (tmp_path / "nothing.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    same = sidestep("convert", "--from", tmp_path / "nothing.yaml", "--diff")
    assert (same.returncode, same.stdout) == (0, "")


@pytest.mark.parametrize(
    "wrong",
    [["--from", "nowhere"], ["--for", "soon"], ["--until", "yesterday"], ["--plan", "nowhere"], ["-o", "json"]],
    ids=" ".join,
)
def test_what_fails_does_not_look_like_a_difference(wrong):
    done = sidestep("convert", "--from", SHOP, "--diff", *wrong)
    assert done.returncode > 1
    assert "error" in done.stderr.lower()
    assert "Traceback" not in done.stderr


FILTER = """\
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: odd, namespace: default}
spec: {configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {}}}]}
"""


def test_what_the_plan_holds_back_is_said_with_the_reason(tmp_path):
    (tmp_path / "mesh.yaml").write_text(ENABLED + application("reviews") + FILTER)
    table, document, page = (
        sidestep("convert", "--from", tmp_path, "-o", form) for form in ("table", "json", "markdown")
    )
    assert "Nothing is to be rewritten. The plan keeps 1 workload on sidecars." in table.stdout
    found = json.loads(document.stdout)["heldBack"]
    assert [each["workload"]["name"] for each in found] == ["reviews"]
    assert "EnvoyFilter" in found[0]["why"]
    for told in (table.stdout, page.stdout):
        assert "Kept on sidecars by the plan" in told
        assert "Deployment default/reviews" in told
        assert found[0]["wayOut"].split(",")[0] in told


def test_where_nobody_has_a_sidecar_that_is_said(tmp_path):
    (tmp_path / "mesh.yaml").write_text(application("reviews").replace("Deployment", "ReplicationController"))
    done = sidestep("convert", "--from", tmp_path)
    assert done.stdout == "Nothing is to be rewritten. No workload that was read is to leave a sidecar.\n"


def test_where_a_stage_is_done_nobody_is_told_that_no_workload_is_to_leave(tmp_path):
    (tmp_path / "mesh.yaml").write_text(ENABLED + application("reviews"))
    done = sidestep("convert", "--from", tmp_path, "--until", "base")
    assert done.stdout == "Nothing is to be rewritten until base.\n"


@pytest.mark.parametrize(
    ("threshold", "code"), [("security", 0), ("traffic", 2), ("observability", 2), ("cosmetic", 2)]
)
def test_losses_fail_a_pipeline_that_asks_for_it(threshold, code):
    found = document("--from", SHOP)
    assert {each["severity"] for each in found["losses"]} == {"traffic"}
    assert sidestep("convert", "--from", SHOP, "--fail-on-loss", threshold).returncode == code


def test_the_base_alone_moves_nobody():
    found = document("--from", SHOP, "--until", "base")
    assert found["stages"] == ["base"]
    assert found["changes"]
    assert "Deployment" not in {each["object"]["kind"] for each in found["changes"]}


def test_a_saved_plan_is_followed_and_one_of_another_mesh_is_refused(tmp_path, repository):
    sidestep("plan", "--from", SHOP, "--mode", "shop/stock=sidecar", "--out", tmp_path / "plan.json")
    found = document("--from", SHOP, "--plan", tmp_path / "plan.json")["changes"]
    moved = {each["object"]["name"] for each in found if each["object"]["kind"] == "Deployment"}
    assert "stock" not in moved
    assert "web" in moved
    other = sidestep("convert", "--from", repository, "--plan", tmp_path / "plan.json")
    assert other.returncode == 1
    assert "make the plan again" in other.stderr


def committed(folder):
    """The folder as a git repository with everything committed."""
    git = ["git", "-C", folder, "-c", "user.email=someone@example.com", "-c", "user.name=someone"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "state", "--allow-empty"]):
        subprocess.run([*git, *arguments], check=True)


def test_files_are_edited_where_they_stand_and_only_where_something_changes(tmp_path):
    target = tmp_path / "shop.yaml"
    target.write_text(SHOP.read_text())
    committed(tmp_path)
    done = sidestep("convert", "--from", tmp_path, "--in-place")
    assert done.returncode == 0, done.stderr
    assert f"changed {target}" in done.stderr
    text = target.read_text()
    assert text.startswith("".join(SHOP.read_text().splitlines(keepends=True)[:3]))
    assert "labels: {app: web, istio.io/dataplane-mode: ambient" in text
    objects = [each["metadata"]["name"] for each in yaml.safe_load_all(text)]
    assert "orders-orders-guard" in objects
    assert "orders-guard" not in objects
    assert document("--from", tmp_path)["changes"] == []


def test_a_second_run_in_place_changes_nothing(repository):
    committed(repository)
    sidestep("convert", "--from", repository, "--in-place")
    committed(repository)
    before = tree(repository)
    assert sidestep("convert", "--from", repository, "--in-place").returncode == 0
    assert tree(repository) == before


def test_a_repository_is_converted_wave_by_wave_along_a_saved_plan(tmp_path):
    for name in ("steps", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.yaml").write_text(SHOP.read_text())
        committed(tmp_path / name)
    sidestep("plan", "--from", SHOP, "--out", tmp_path / "plan.json")
    for stage in ("base", "1", "2", "late"):
        way = ("--in-place", "--plan", tmp_path / "plan.json", "--until", stage)
        done = sidestep("convert", "--from", tmp_path / "steps", *way)
        assert done.returncode == 0, done.stderr
        committed(tmp_path / "steps")
    sidestep("convert", "--from", tmp_path / "whole", "--in-place")
    one, other = (
        sorted(
            json.dumps(each, sort_keys=True) for each in yaml.safe_load_all((tmp_path / name / "shop.yaml").read_text())
        )
        for name in ("steps", "whole")
    )
    assert one == other


def test_a_plan_that_a_repository_has_followed_to_its_end_has_nothing_left_for_it(tmp_path):
    """Waypoints are exempt from a DENY first, and in the end it is deleted: then there is nothing to exempt them from."""
    folder, plan = tmp_path / "repository", tmp_path / "plan.json"
    folder.mkdir()
    rule = {"from": [{"source": {"notPrincipals": ["cluster.local/ns/shop/sa/web"]}}],
            "to": [{"operation": {"notPaths": ["/healthz"]}}]}  # fmt: skip
    spec = {"selector": {"matchLabels": {"app": "stock"}}, "action": "DENY", "rules": [rule]}
    deny = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": {"name": "web-alone", "namespace": "shop"}, "spec": spec}  # fmt: skip
    (folder / "shop.yaml").write_text(f"{SHOP.read_text()}---\n{yaml.safe_dump(deny)}")
    committed(folder)
    sidestep("plan", "--from", folder, "--out", plan)
    assert "web-alone" in {step["effect"]["object"]["name"] for step in json.loads(plan.read_text())["steps"]
                           if step["effect"]["type"] == "patch"}  # fmt: skip
    written = []
    for _ in range(2):
        done = sidestep("convert", "--from", folder, "--in-place", "--plan", plan)
        assert done.returncode == 0, done.stderr
        written.append({path: path.read_bytes() for path in sorted(folder.glob("**/*.yaml"))})
        committed(folder)
    assert written[0] == written[1]
    assert "name: web-alone\n" not in (folder / "shop.yaml").read_text()


def test_changes_that_nobody_committed_are_not_written_over(tmp_path):
    target = tmp_path / "shop.yaml"
    target.write_text(SHOP.read_text())
    committed(tmp_path)
    target.write_text(SHOP.read_text() + "# mine\n")
    done = sidestep("convert", "--from", tmp_path, "--in-place")
    assert done.returncode == 1
    assert target.read_text().endswith("# mine\n")
    assert sidestep("convert", "--from", tmp_path, "--in-place", "--force").returncode == 0


BOARD = """{
   "title": "mesh", "panels": [
      {"targets": [{"expr": "rate(istio_requests_total{reporter=\\"source\\"}[5m])"}]}]
}
"""


def test_dashboards_beside_the_manifests_are_rewritten_with_them(repository):
    (repository / "boards").mkdir()
    board = repository / "boards" / "mesh.json"
    board.write_text(BOARD)
    told = sidestep("convert", "--from", repository)
    assert f"{board}: 1 query asks waypoints too" in " ".join(told.stdout.split())
    assert board.read_text() == BOARD
    done = sidestep("convert", "--from", repository, "--in-place", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == [{"path": str(board), "queries": 1}]
    assert board.read_text() == BOARD.replace('=\\"source', '=~\\"source|waypoint')


def test_alerts_follow_series_that_plain_rule_files_record(repository):
    """Of one file through another, neither of which is an object; the last asks no metric of the mesh itself."""
    rule = "groups:\n- name: {0}\n  rules:\n  - {{record: '{0}', expr: '{1}'}}\n"
    (repository / "first.yaml").write_text(rule.format("shop:lost", "rate(envoy_cluster_upstream_rq[5m])"))
    (repository / "second.yml").write_text(rule.format("shop:worse", "shop:lost * 2"))
    alert = {"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "shop:worse > 1"}]}]}
    meta = {"name": "alerts", "namespace": "shop"}
    tree = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": meta, "spec": alert}
    (repository / "alerts.json").write_text(json.dumps(tree))
    told = json.loads(sidestep("convert", "--from", repository, "-o", "json").stdout)
    lost = {each["object"]["name"]: each["did"] for each in told["losses"] if each["rule"] == "SID312"}
    assert lost.keys() == {"alerts", *(str(repository / name) for name in ("first.yaml", "second.yml"))}
    assert "shop:worse" in lost["alerts"]


def test_in_place_needs_one_folder(tmp_path):
    for sources in ([], ["--from", "-"], ["--from", SHOP, "--from", tmp_path]):
        done = sidestep("convert", *sources, "--in-place")
        assert done.returncode == 1
        assert "one folder" in done.stderr


@pytest.fixture
def naive(tmp_path):
    """A plan that moves orders past any waypoint, as its owner insists."""
    plan = tmp_path / "naive.json"
    sidestep("plan", "--from", SHOP, "--mode", "shop/orders=ambient", "--force", "--out", plan)
    return plan


def test_what_would_admit_somebody_is_not_written_and_the_request_is_shown(naive, tmp_path):
    done = sidestep("convert", "--from", SHOP, "--plan", naive, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "DELETE" in done.stderr
    assert f"--from {SHOP}" in " ".join(done.stderr.split()), "the request is asked again of what was read"
    assert "nothing was written" in done.stderr
    assert not (tmp_path / "out").exists()


def test_it_is_written_when_told_and_says_what_it_opens(naive, tmp_path):
    done = sidestep("convert", "--from", SHOP, "--plan", naive, "--out", tmp_path / "out", "--force")
    assert done.returncode == 0
    assert "admitted though refused today" in done.stdout
    assert (tmp_path / "out" / "losses.md").exists()


def test_a_proof_that_is_only_shown_has_the_same_exit_code(naive):
    done = sidestep("convert", "--from", SHOP, "--plan", naive, "--prove", "-o", "json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["proof"]["verdict"] == "differs"
    assert sidestep("convert", "--from", SHOP, "--plan", naive).returncode == 0


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_a_proof_that_is_only_shown_shows_requests(naive, form):
    done = sidestep("convert", "--from", SHOP, "--plan", naive, "--prove", "-o", form)
    assert done.returncode == 3
    told = " ".join(done.stdout.split())
    assert "admitted though refused today" in told
    assert "sends DELETE / to orders.shop.svc.cluster.local:80" in told
    assert "sidestep explain --client" in told


def test_options_that_contradict_each_other_are_refused(tmp_path):
    for options in (["--out", tmp_path / "o", "--in-place"], ["--out", tmp_path / "o", "--diff"]):
        done = sidestep("convert", "--from", SHOP, *options)
        assert done.returncode >= 1
        assert "exclude each other" in done.stderr
    assert not (tmp_path / "o").exists()


def test_what_could_not_be_read_is_told_and_not_rewritten(tmp_path):
    (tmp_path / "mesh.yaml").write_text(bookinfo() + "apiVersion: v1\nkind: Service\nmetadata: {name: [}\n")
    found = document("--from", tmp_path / "mesh.yaml")
    assert found["missing"]
    assert found["changes"]


@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
def test_it_fits_any_terminal(columns):
    done = sidestep("convert", "--from", SHOP, "--prove", COLUMNS=columns)
    assert max(map(len, done.stdout.splitlines())) <= int(columns)
    assert "orders" in done.stdout


def test_it_is_coloured_on_a_terminal_only():
    code, shown = on_terminal("convert", "--from", SHOP)
    assert code == 0
    assert "\x1b[" in shown
    assert "\x1b[" not in sidestep("convert", "--from", SHOP).stdout


@pytest.mark.parametrize("name", ["json", "yaml", "markdown"])
def test_every_format_names_every_loss(name):
    done = sidestep("convert", "--from", SHOP, "-o", name)
    assert done.returncode == 0
    for loss in document("--from", SHOP)["losses"]:
        assert loss["rule"] in done.stdout
        assert loss["object"]["name"] in done.stdout


UNREADABLE_EXPRESSION = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: orders-routes, namespace: shop}
spec:
  hosts: [orders]
  http:
  - match: [{uri: {regex: '\\bx'}}]
    route: [{destination: {host: web}}]
  - route: [{destination: {host: orders}}]
"""


def test_what_cannot_be_decided_is_not_written(tmp_path):
    (tmp_path / "mesh.yaml").write_text(SHOP.read_text() + UNREADABLE_EXPRESSION)
    done = sidestep("convert", "--from", tmp_path / "mesh.yaml", "--out", tmp_path / "out")
    assert done.returncode == 4
    assert "undecided" in done.stderr
    assert not (tmp_path / "out").exists()
    forced = sidestep("convert", "--from", tmp_path / "mesh.yaml", "--out", tmp_path / "out", "--force")
    assert forced.returncode == 0
    assert (tmp_path / "out" / "losses.md").exists()


def test_the_istio_that_will_read_it_is_the_mesh_s_own_unless_another_is_named():
    assert document("--from", SHOP, "--for", "1.26")["istio"] == "1.26"
    assert document("--from", SHOP, "--for", "upstream")["istio"] == document("--from", SHOP)["istio"]
