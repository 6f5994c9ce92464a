"""Scenes: every difference has some or a reason, and what each names is there."""

import json
import re

import pytest
import yaml
from tests.support.commands import sidestep

from sidestep.demo.scenes import SCENES, UNSHOWN, scenes_of
from sidestep.semantics.differences.catalogue import BY_CODE, DIFFERENCES

NAMES = [f"{each.code} {each.name}" for each in SCENES]


def named(objects):
    return {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in objects}


def test_every_difference_is_shown_or_it_is_said_why_not():
    shown = {each.code for each in SCENES}
    assert shown | UNSHOWN.keys() == {each.code for each in DIFFERENCES}
    assert not shown & UNSHOWN.keys()
    assert len(shown) > 45
    assert len(set(NAMES)) == len(SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=NAMES)
def test_both_meshes_have_the_same_workloads_and_whoever_asks(scene):
    deployments = [
        {each for each in named(side) if each[0] == "Deployment"} for side in (scene.sidecars, scene.ambient)
    ]
    assert deployments[0] == deployments[1]
    spaces = {name for kind, _, name in named(scene.sidecars) if kind == "Namespace"}
    assert spaces >= {space for _, space, _ in named(scene.sidecars) if space}
    if scene.question.client.startswith("gateway:"):
        assert ("Gateway", "shop", "edge") in named(scene.sidecars)
    else:
        assert ("Deployment", *scene.question.client.split("/")) in deployments[0]


@pytest.mark.parametrize("scene", SCENES, ids=NAMES)
def test_the_two_meshes_differ_in_their_data_plane(scene):
    """The same objects but for labels of pods would be no other mesh."""
    assert json.dumps(scene.sidecars) != json.dumps(scene.ambient)
    assert "istio.io/dataplane-mode" in json.dumps(scene.ambient)


@pytest.mark.parametrize("scene", SCENES, ids=NAMES)
def test_what_is_named_in_braces_is_a_workload(scene):
    for side in (scene.sidecars, scene.ambient):
        found = re.findall(r"\{([a-z][a-z/-]*)\}", json.dumps([side, scene.question.host]))
        workloads = {f"{space}/{name}" for kind, space, name in named(side) if kind == "Deployment"}
        for each in found:
            assert each == "keys" or (each if "/" in each else f"shop/{each}") in workloads


def test_the_list_says_why_not():
    told = sidestep("lab", "demo")
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    assert [line[:3] for line in lines[1:]] == [each.code for each in DIFFERENCES]
    assert all(any(UNSHOWN[code] in line for line in lines if line.startswith(code)) for code in UNSHOWN)


def test_objects_are_printed_as_up_takes_them():
    told = sidestep("lab", "demo", "d06", "--objects", "ambient")
    assert told.returncode == 0
    (scene,) = scenes_of("D06")
    assert tuple(yaml.safe_load_all(told.stdout)) == scene.ambient
    assert told.stdout.startswith("# D06: everybody gets in. shop/web sends DELETE /items/1 to cart:80\n")


@pytest.mark.parametrize(("word", "said"), [("D64", "no difference is called 'D64'"), ("D62", UNSHOWN["D62"])])
def test_what_cannot_be_shown_is_said(word, said):
    told = sidestep("lab", "demo", word)
    assert told.returncode == 1
    assert said in told.stderr


def test_reasons_are_of_differences():
    assert UNSHOWN.keys() <= BY_CODE.keys()
