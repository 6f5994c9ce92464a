"""A plan as a folder: nothing lost, nothing twice, nothing elsewhere; and kubectl does with it what the plan says."""

import os
import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support import sample_plans as plans
from tests.support.servers import server_binary, tolerating

from sidestep.errors import UsageError
from sidestep.model.call_graph import CallGraph
from sidestep.model.kinds import KINDS
from sidestep.model.metadata import ObjectId
from sidestep.plan.document import Plan, Wave
from sidestep.plan.reading import read_plan
from sidestep.plan.steps import Apply, Delete, Patch, SetLabels, Step, reverse
from sidestep.report.plan_files import plan_files

ALL = (plans.plan, plans.empty, plans.nasty, plans.large)
INSTALL = {"install/README.md": "# Install\n", "install/istiod.yaml": "profile: ambient\n"}
WRITTEN = SetLabels | Patch | Apply
MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "shop"}}


def files(plan, install=None):
    return plan_files(plan, INSTALL if install is None else install, plans.calls())


def one_wave(*effects, **fields) -> Plan:
    steps = tuple(Step(f"w01-{at:03}", 1, each, "do it", **fields) for at, each in enumerate(effects))
    return replace(plans.empty(), steps=steps, waves=(Wave(1, "One", steps=tuple(step.id for step in steps)),))


def folder(path: Path, found) -> Path:
    for name, text in found.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


@pytest.mark.parametrize("make", ALL)
def test_paths_are_sorted_and_stay_within_the_folder_on_any_file_system(make):
    found = list(files(make()))
    assert found == sorted(found)
    assert len({path.lower() for path in found}) == len(found)
    for path in found:
        parts = PurePosixPath(path).parts
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", path)
        assert not path.startswith("/")
        assert not any(part.startswith(".") or part.endswith(".") or len(part) > 140 for part in parts)


@pytest.mark.parametrize("make", ALL)
def test_equal_plans_give_equal_bytes(make):
    assert files(make()) == files(make())
    again = read_plan(files(make())["plan.json"].encode(errors="replace"))
    assert {path: text for path, text in files(again).items() if path != "plan.json"} == {
        path: text for path, text in files(make()).items() if path != "plan.json"
    }


def test_the_folder_has_its_parts():
    found = files(plans.plan())
    assert {path.partition("/")[0] for path in found} == {
        "plan.json", "plan.md", "waves", "rollback", "install", "exposures",
    }  # fmt: skip
    assert found["install/istiod.yaml"] == INSTALL["install/istiod.yaml"]
    assert {path for path in found if path.endswith("run.md")} == {
        f"{area}/{wave:02}/run.md" for area in ("waves", "rollback") for wave in range(4)
    }


@pytest.mark.parametrize("make", [plans.plan, plans.large])
def test_every_step_stands_once_on_the_page_of_its_wave_and_nowhere_else(make):
    plan, found = make(), files(make())
    pages = {path: text for path, text in found.items() if re.fullmatch(r"waves/\d+/run\.md", path)}
    for step in plan.steps:
        assert [path for path, text in pages.items() if f"\n## {step.id}: " in text] == [f"waves/{step.wave:02}/run.md"]
    assert sum(text.count("\n## w") for text in pages.values()) == len(plan.steps)


def test_every_step_that_writes_has_one_file_that_says_what_it_writes():
    plan, found = plans.plan(), files(plans.plan())
    for step in plan.steps:
        own = [path for path in found if path.startswith("waves/") and PurePosixPath(path).name.startswith(step.id)]
        assert len(own) == isinstance(step.effect, WRITTEN)
        for path in own:
            written = yaml.safe_load(found[path])
            named = step.effect.object
            assert (written["apiVersion"], written["kind"]) == (named.api_version, named.kind)
            assert written["metadata"]["name"] == named.name
            assert written["metadata"].get("namespace", "") == named.namespace
            if isinstance(step.effect, Apply):
                assert written == step.effect.manifest
            assert f"/{path}" in f"/{found[f'waves/{step.wave:02}/run.md']}".replace(" waves", " /waves")


def test_every_way_back_has_its_file_and_stands_on_the_page_in_its_order():
    plan, found = plans.plan(), files(plans.plan())
    for wave in plan.waves:
        page = found[f"rollback/{wave.number:02}/run.md"]
        assert re.findall(r"^## Back from (\S+):", page, flags=re.MULTILINE) == list(wave.rollback)
    for step in plan.steps:
        back = reverse(step.effect)
        own = [path for path in found if path.startswith("rollback/") and f"/{step.id}-" in path]
        assert len(own) == isinstance(back, WRITTEN)


def test_steps_that_the_wave_forgot_are_taken_back_too_restarts_last():
    plan = plans.plan()
    page = files(replace(plan, waves=tuple(replace(wave, rollback=()) for wave in plan.waves)))["rollback/02/run.md"]
    found = re.findall(r"^## Back from (\S+):", page, flags=re.MULTILINE)
    assert found == ["w02-060", "w02-050", "w02-040", "w02-020", "w02-010", "w02-080", "w02-070"]


def test_steps_of_a_wave_that_is_not_listed_are_not_lost():
    found = files(replace(plans.plan(), waves=()))
    assert "## w03-040: " in found["waves/03/run.md"]


def test_patches_stand_apart_so_that_nobody_applies_half_an_object():
    for path, text in files(plans.plan()).items():
        if path.endswith(".yaml") and re.match(r"(waves|rollback)/\d+/[^/]+\.yaml$", path):
            assert "kustomization" in path or yaml.safe_load(text)["spec" if "configmap" not in path else "data"]


def test_a_file_opens_with_step_reason_effect_and_way_back():
    found = files(plans.plan())
    lines = found["waves/00/w00-020-configmap-shop-sidestep-waypoint.yaml"].splitlines()
    assert lines[:4] == [
        "# Step w00-020 of wave 0: Apply ConfigMap shop/sidestep-waypoint",
        "# Why: AuthorizationPolicy shop/cart-readers",
        "# What it does: nobody uses it yet",
        "# Way back: kubectl delete configmaps/sidestep-waypoint --namespace shop --ignore-not-found",
    ]
    assert "# Must hold before: the waypoint is ready\n" in found["waves/01/patches/w01-010-deployment-shop-cart.yaml"]


def test_what_the_server_set_is_not_written_back():
    (text,) = [text for path, text in files(plans.plan()).items() if path.startswith("rollback/02/w02-040")]
    written = yaml.safe_load(text)
    assert written == {**plans.policy(selector={"matchLabels": {"app": "cart"}})}
    status = one_wave(Apply(ObjectId("v1", "ConfigMap", "shop", "x"), {**MANIFEST, "status": {"a": 1}}))
    (path,) = [path for path in files(status) if path.startswith("waves/01/w01-000")]
    assert yaml.safe_load(files(status)[path]) == MANIFEST


def test_labels_of_a_template_are_patched_where_the_template_is():
    deployment = SetLabels(ObjectId("apps/v1", "Deployment", "a", "b"), {"x": "y", "z": None}, {}, template=True)
    cron_job = replace(deployment, object=ObjectId("batch/v1", "CronJob", "a", "b"))
    found = [
        yaml.safe_load(text)
        for path, text in files(one_wave(deployment, cron_job)).items()
        if "waves/01/patches" in path
    ]
    template = {"template": {"metadata": {"labels": {"x": "y", "z": None}}}}
    assert [each["spec"] for each in found] == [template, {"jobTemplate": {"spec": template}}]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_yaml_reads_back_as_the_manifest(value):
    manifest = {**MANIFEST, "data": value}
    found = files(one_wave(Apply(ObjectId("v1", "ConfigMap", "shop", "x"), manifest)))
    text = found["waves/01/w01-000-configmap-shop-x.yaml"]
    assert yaml.safe_load(text) == manifest


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_word_ends_the_comment_that_it_stands_in(word, name):
    named = ObjectId("v1", "ConfigMap", name, name)
    plan = one_wave(Apply(named, MANIFEST), because=(named,), predicts=word, preconditions=(word,))
    (text,) = [text for path, text in files(plan).items() if path.startswith("waves/01/w01-000")]
    assert yaml.safe_load(text) == MANIFEST
    header = text.partition("apiVersion")[0]
    assert all(line.startswith("#") for line in header.splitlines())


@given(st.lists(st.text(max_size=50), min_size=1, max_size=6, unique=True))
def test_whatever_steps_are_called_each_has_its_own_file(ids):
    effect = Apply(ObjectId("v1", "ConfigMap", "shop", "x"), MANIFEST)
    steps = tuple(Step(each, 1, effect, "") for each in ids)
    found = [
        path
        for path in files(replace(plans.empty(), steps=steps))
        if path.startswith("waves/01/") and "-configmap-" in path
    ]
    assert len({path.lower() for path in found}) == len(ids)
    assert all(path.count("/") == 2 for path in found)


@pytest.mark.parametrize(
    "path", ["README.md", "install/../plan.md", "/install/x", "install/", "install/..", "install/a/b", "install/a b"]
)
def test_files_of_the_installation_lie_in_its_folder(path):
    with pytest.raises(UsageError, match="lies elsewhere"):
        plan_files(plans.empty(), {path: ""}, CallGraph())


def test_two_steps_of_one_id_are_refused():
    plan = plans.plan()
    with pytest.raises(UsageError, match="same id"):
        files(replace(plan, steps=(*plan.steps, plan.steps[0])))


def test_the_policy_that_closes_a_window_is_a_file():
    found = files(plans.plan())
    assert yaml.safe_load(found["exposures/02-01.yaml"]) == plans.plan().exposures[0].policy
    assert "exposures/03-02.yaml" not in found


def test_a_window_stands_on_the_page_of_its_wave():
    found = files(plans.plan())
    assert "> **Window**: wave 2" in found["waves/02/run.md"]
    assert "Window" not in found["waves/01/run.md"]


def kustomized(path: Path) -> list[dict]:
    kubectl = server_binary("kubectl")
    made = subprocess.run([kubectl, "kustomize", path], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return [each for each in yaml.safe_load_all(made.stdout) if each]


@pytest.mark.real
def test_kustomize_builds_what_each_wave_applies(tmp_path):
    plan = plans.plan()
    folder(tmp_path, files(plan))
    for wave in plan.waves:
        wanted = [
            step.effect.manifest for step in plan.steps if step.wave == wave.number and isinstance(step.effect, Apply)
        ]
        built = kustomized(tmp_path / f"waves/{wave.number:02}")
        assert sorted(map(str, map(name_of, built))) == sorted(map(str, map(name_of, wanted)))


def name_of(tree):
    return tree["apiVersion"], tree["kind"], tree["metadata"].get("namespace"), tree["metadata"]["name"]


@pytest.mark.real
def test_patches_of_a_wave_take_effect_on_manifests_that_are_added_to_it(tmp_path):
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout", "namespace": "shop", "annotations": {"x": "y"}},
        "spec": {"ports": [{"name": "web", "port": 80}, {"name": "more", "port": 81}]},
    }  # fmt: skip
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
    }
    wave = folder(tmp_path, files(plans.plan())) / "waves/02"
    (wave / "own.yaml").write_text(yaml.safe_dump_all([service, space]))
    listed = yaml.safe_load((wave / "kustomization.yaml").read_text())
    (wave / "kustomization.yaml").write_text(
        yaml.safe_dump({**listed, "resources": [*listed["resources"], "own.yaml"]})
    )
    built = {tree["kind"]: tree for tree in kustomized(wave)}
    assert built["Namespace"]["metadata"]["labels"] == {"istio.io/dataplane-mode": "ambient"}
    assert built["Service"]["spec"]["ports"] == [{"name": "http", "port": 80, "appProtocol": "http"}]
    assert "x" not in built["Service"]["metadata"].get("annotations", {})


@pytest.mark.real
def test_what_is_applied_twice_is_listed_once_and_what_goes_again_is_not(tmp_path):
    named, other = ObjectId("v1", "ConfigMap", "shop", "x"), ObjectId("v1", "ConfigMap", "shop", "y")
    second = {**MANIFEST, "data": {"a": "2"}}
    gone = {**MANIFEST, "metadata": {"name": "y", "namespace": "shop"}}
    plan = one_wave(Apply(named, MANIFEST), Apply(named, second), Apply(other, gone), Delete(other, gone))
    assert kustomized(folder(tmp_path, files(plan)) / "waves/01") == [second]


def objects_before() -> list[dict]:
    """What the sample plan takes for granted."""
    meta = {"namespace": "shop", "labels": {"app": "cart"}}
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    selector = {"matchLabels": {"app": "cart"}}
    ports = [{"name": "web", "port": 80, "targetPort": 80, "protocol": "TCP"}]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bank", "labels": {"istio-injection": "enabled"}}},
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**meta, "name": "cart"},
            "spec": {"selector": selector, "template": template},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": {**meta, "name": "cart"}, "spec": {"ports": ports}},
        {
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": "checkout", "annotations": {"x": "y"}},
            "spec": {"ports": ports},
        },
        plans.policy(selector=selector),
        plans.policy("ledger"),
    ]  # fmt: skip


def resource_path(tree, named=True):
    group, _, version = tree["apiVersion"].rpartition("/")
    kind = next(kind for kind in KINDS if (kind.name, kind.group) == (tree["kind"], group))
    base = f"/apis/{group}/{version}" if group else f"/api/{version}"
    space = f"/namespaces/{tree['metadata']['namespace']}" if kind.namespaced else ""
    return f"{base}{space}/{kind.plural}" + (f"/{tree['metadata']['name']}" if named else "")


def state(server):
    """What a person wrote of each object, without what the server adds at every change."""
    found = {}
    for tree in objects_before():
        live = server.send("GET", resource_path(tree))
        meta = live["metadata"]
        told = {name: meta.get(name) or {} for name in ("labels", "annotations")}
        found[name_of(tree)] = (
            told,
            {name: value for name, value in live.get("spec", {}).items() if name != "replicas"},
        )
    return found


def remove(server, tree):
    """A namespace goes for good only when somebody finalizes it, which no controller does here."""
    server.send("DELETE", resource_path(tree))
    if tree["kind"] == "Namespace":
        live = server.send("GET", resource_path(tree))
        server.send("PUT", f"{resource_path(tree)}/finalize", {**live, "spec": {"finalizers": []}})


def commands(page: str) -> list[str]:
    """Those that change objects: nobody runs pods here."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if " -k " not in line]
    return [line for line in lines if line.split()[1] in {"patch", "apply", "delete"}]


@pytest.mark.real
@pytest.mark.xdist_group("apiserver")
def test_a_real_cluster_takes_every_wave_and_every_way_back(apiserver, tmp_path):
    kubectl = server_binary("kubectl")
    environment = {**os.environ, "KUBECONFIG": apiserver.admin(), "PATH": f"{kubectl.parent}:{os.environ['PATH']}"}
    for tree in objects_before():
        with tolerating(409):
            apiserver.send("POST", resource_path(tree, named=False), tree)
    before, home = state(apiserver), folder(tmp_path, files(plans.plan()))

    def run(page):
        for line in commands((home / page).read_text()):
            done = subprocess.run(
                ["sh", "-c", line], cwd=home, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"

    for wave in range(4):
        run(f"waves/{wave:02}/run.md")
    space = apiserver.send("GET", "/api/v1/namespaces/shop")["metadata"]["labels"]
    assert space["istio.io/dataplane-mode"] == "ambient"
    assert "istio-injection" not in space
    cart = apiserver.send("GET", "/apis/apps/v1/namespaces/shop/deployments/cart")
    assert cart["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert (
        apiserver.send("GET", "/apis/security.istio.io/v1/namespaces/shop/authorizationpolicies/ledger")["spec"][
            "action"
        ]
        == "DENY"
    )
    for wave in reversed(range(4)):
        run(f"rollback/{wave:02}/run.md")
    assert state(apiserver) == before
    for tree in reversed(objects_before()):
        remove(apiserver, tree)
