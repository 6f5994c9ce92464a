"""A mesh that is too large, rehearsed in a real lab with one workload for many of its shape."""

import json

import pytest
import yaml
from tests.support import alike as a
from tests.support.lab_command import shell

pytestmark = pytest.mark.real

SHORT = ("--baseline", "3s", "--gate-window", "2s", "--rate", "20", "-o", "json", "-q")


def rehearsed(folder, *more):
    written = folder / "mesh.yaml"
    written.write_text(yaml.safe_dump_all(a.alike(6, 2, 2)))
    with shell() as user:
        done = user.run("--from", str(written), *SHORT, *more, verb="rehearse")
        assert user.left() == []
    return done


def test_what_is_left_of_a_large_mesh_is_carried_out_and_taken_back_as_foretold(tmp_path):
    told = json.loads(rehearsed(tmp_path, "--pods", "5").stdout)
    assert (told["pods"], told["ended"], told["takenBack"]) == (5, "completed", "reversed")
    assert {each["workload"].rpartition("/")[2]: len(each["standsFor"]) for each in told["standIns"]} == {
        "begin-00": 1, "end-00": 1, "guarded-00": 1, "leaf-00": 5,
    }  # fmt: skip
    gone = {name for each in told["standIns"] for name in each["steps"]}
    assert gone.isdisjoint(part["name"] for part in told["parts"])
    assert [part["failed"] for part in told["parts"] if part["failed"]] == []
    assert [part["foretold"] for part in told["parts"] if part["foretold"]] == []
    assert told["total"]["admitted"] == 0
    assert {each["answer"] for each in told["gates"] if each["name"] in {"capture", "proof"}} == {"holds"}


def test_a_large_mesh_is_refused_where_nobody_may_stand_for_another(tmp_path):
    done = rehearsed(tmp_path, "--pods", "5", "--merge", "never")
    assert done.returncode == 1
    assert "one pod of each workload is 13 pods, and there is room for 5" in done.stderr
