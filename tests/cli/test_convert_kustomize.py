"""Repositories for Kustomize edited in place: the real one builds the same objects but for those that were to change."""

import json

import pytest
from tests.support.commands import sidestep
from tests.support.kustomized import APP, GUARD, NAMESPACE, built, contents, lay, objects, wanted

pytestmark = pytest.mark.real
BASE = {
    "base/web.yaml": APP % {"name": "web"},
    "base/orders.yaml": APP % {"name": "orders"},
    "base/orders-authorizationpolicy.yaml": GUARD % {"name": "orders"},
    "base/kustomization.yaml": "resources:\n  - web.yaml\n  - orders.yaml  # behind web\n  - orders-authorizationpolicy.yaml\n",
}
REPLICAS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 3}
"""


def overlay(namespace, *lines):
    return {
        f"{namespace}/namespace.yaml": NAMESPACE % namespace,
        f"{namespace}/kustomization.yaml": "\n".join(["resources:", "- ../base", "- namespace.yaml", *lines, ""]),
    }


def convert(folder, overlay, *options):
    """Convert what an overlay renders, in the repository; the document and the code."""
    before = built(folder / overlay)
    (folder.parent / "rendered.yaml").write_text(before)
    way = ("--from", folder.parent / "rendered.yaml", "--in-place", "--repository", folder)
    done = sidestep("convert", *way, "-o", "json", *options)
    assert done.returncode in (0, 2), done.stderr
    document = json.loads(done.stdout)
    assert done.returncode == (2 if document["byHand"] else 0)
    assert without_team(objects(built(folder / overlay))) == without_team(wanted(before, document))
    return document


def without_team(found):
    """Objects but for what overlays put on whatever they render, also on what comes."""
    for tree in found.values():
        for field, name in (("labels", "team"), ("annotations", "owner")):
            (tree["metadata"].get(field) or {}).pop(name, None)
            if not tree["metadata"].get(field):
                tree["metadata"].pop(field, None)
    return found


KINDS = {
    "plain": ["namespace: prod"],
    "patched": [
        "namespace: prod",
        "patches:",
        "- path: replicas.yaml  # more of them",
        "- target: {kind: Service, name: web}",
        "  patch: |-",
        "    - {op: add, path: /metadata/labels/tier, value: front}",
    ],
    "old-patches": [
        "namespace: prod",
        "patchesStrategicMerge:",
        "- replicas.yaml",
        "patchesJson6902:",
        "- target: {version: v1, kind: Service, name: web}",
        "  patch: |-",
        "    - {op: add, path: /metadata/labels/tier, value: front}",
    ],
    "labelled": ["namespace: prod", "commonLabels: {team: shop}", "commonAnnotations: {owner: x}"],
    "labels": ["namespace: prod", "labels:", "- pairs: {team: shop}", "  includeSelectors: true"],
    "images": ["namespace: prod", "images:", "- {name: registry.example.com/web, newTag: '7'}"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_only_overlay_is_rendered_as_wanted_and_its_base_is_edited(tmp_path, kind):
    patch = {"prod/replicas.yaml": REPLICAS} if "patch" in kind else {}
    files = {**BASE, **overlay("prod", *KINDS[kind]), **patch}
    folder = lay(tmp_path / "repo", files)
    document = convert(folder, "prod")
    assert not document["byHand"]
    after = contents(folder)
    assert after["prod/kustomization.yaml"].decode() == files["prod/kustomization.yaml"]
    assert b"istio.io/dataplane-mode: ambient" in after["base/web.yaml"]
    for line in files["base/web.yaml"].splitlines():
        assert "labels:" in line or line.encode() in after["base/web.yaml"]
    again = convert(folder, "prod")
    assert not again["changes"]
    assert contents(folder) == after


def test_an_overlay_of_a_shared_base_is_changed_by_its_own_patches_and_the_others_build_the_same(tmp_path):
    both = {**overlay("prod", "namespace: prod"), **overlay("test", "namespace: test")}
    folder = lay(tmp_path / "repo", {**BASE, **both})
    other = built(folder / "test")
    document = convert(folder, "prod")
    assert not document["byHand"]
    assert built(folder / "test") == other
    assert {name for name, text in contents(folder).items() if name.startswith("base/")} == set(BASE)
    assert all(contents(folder)[name] == text.encode() for name, text in BASE.items())
    after = contents(folder)
    assert not convert(folder, "prod")["changes"]
    assert contents(folder) == after


def test_both_overlays_of_a_base_are_converted_one_after_the_other(tmp_path):
    both = {**overlay("prod", "namespace: prod"), **overlay("test", "namespace: test")}
    folder = lay(tmp_path / "repo", {**BASE, **both})
    convert(folder, "prod")
    prod = built(folder / "prod")
    convert(folder, "test")
    assert built(folder / "prod") == prod


def test_what_would_get_another_name_is_left_to_be_done_by_hand(tmp_path):
    folder = lay(tmp_path / "repo", {**BASE, **overlay("prod", "namespace: prod", "namePrefix: eu-")})
    document = convert(folder, "prod")
    assert {each["object"]["kind"] for each in document["byHand"]} >= {"Gateway", "AuthorizationPolicy"}
    assert all("prod/kustomization.yaml would give it another name" in each["reason"] for each in document["byHand"])
    assert all(each["patch"] for each in document["byHand"])


PATCHED_FIELD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {metadata: {labels: {sidecar.istio.io/inject: "true"}}}}
"""


def test_a_field_that_a_patch_sets_is_set_by_a_later_patch(tmp_path):
    lines = ["namespace: prod", "patches:", "- path: inject.yaml"]
    folder = lay(tmp_path / "repo", {**BASE, **overlay("prod", *lines), "prod/inject.yaml": PATCHED_FIELD})
    assert not convert(folder, "prod")["byHand"]
    after = contents(folder)
    assert after["prod/inject.yaml"] == PATCHED_FIELD.encode()
    assert after["base/web.yaml"] == BASE["base/web.yaml"].encode()
    assert b"sidecar.istio.io/inject" in after["prod/kustomization.yaml"]


def test_a_field_that_is_set_after_all_patches_is_left_to_be_done_by_hand(tmp_path):
    pairs = "- {pairs: {sidecar.istio.io/inject: 'true'}, includeTemplates: true}"
    lines = ["namespace: prod", "labels:", pairs]
    folder = lay(tmp_path / "repo", {**BASE, **overlay("prod", *lines)})
    told = {each["object"]["name"]: each["reason"] for each in convert(folder, "prod")["byHand"]}
    assert told["web"].endswith("prod/kustomization.yaml sets it by labels")


def test_components_act_too(tmp_path):
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: inject.yaml\n"
    files = {"part/kustomization.yaml": component, "part/inject.yaml": PATCHED_FIELD}
    folder = lay(tmp_path / "repo", {**BASE, **overlay("prod", "namespace: prod", "components: [../part]"), **files})
    assert not convert(folder, "prod")["byHand"]
    assert contents(folder)["part/inject.yaml"] == PATCHED_FIELD.encode()


def test_an_overlay_alone_gets_patches_for_what_stands_elsewhere(tmp_path):
    folder = lay(tmp_path / "repo", {**BASE, **overlay("prod", "namespace: prod")})
    (tmp_path / "rendered.yaml").write_text(built(folder / "prod"))
    way = ("--from", tmp_path / "rendered.yaml", "--in-place", "--repository", folder / "prod", "-o", "json")
    before = built(folder / "prod")
    document = json.loads(sidestep("convert", *way).stdout)
    assert objects(built(folder / "prod")) == wanted(before, document)
    assert not document["byHand"]
    assert all(contents(folder)[name] == text.encode() for name, text in BASE.items())


def test_who_reads_files_that_an_overlay_changes_is_told_to_render_them(tmp_path):
    files = {**BASE, **overlay("prod", "namespace: prod")}
    folder = lay(tmp_path / "repo", files)
    done = sidestep("convert", "--from", folder, "--in-place", "--force")
    assert done.returncode == 1
    assert "--repository" in done.stderr
    assert "prod/kustomization.yaml puts it into the namespace prod" in done.stderr
    assert contents(folder) == {name: text.encode() for name, text in files.items()}


def test_a_list_of_resources_alone_changes_nothing_and_files_are_edited_where_they_were_read(tmp_path):
    files = {name.removeprefix("base/"): text.replace("{name: web}", "{name: web, namespace: shop}") for name, text in BASE.items()}  # fmt: skip
    folder = lay(tmp_path / "repo", {**files, "namespace.yaml": NAMESPACE % "default"})
    listed = files["kustomization.yaml"] + "  - namespace.yaml\n"
    (folder / "kustomization.yaml").write_text(listed)
    done = sidestep("convert", "--from", folder, "--in-place", "-o", "json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert not document["byHand"]
    added = {each["object"]["name"] for each in document["changes"] if each["change"] == "add"}
    assert added <= {name for _, _, name in objects(built(folder))}
