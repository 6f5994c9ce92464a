"""What `sidestep convert` promises, a repository for each promise: what changes, what is lost, and what must stay.

In `gitops/`, `before/` is a repository, `after/` holds the files that change or come, as they are then, and `losses.txt`
names what is lost and who is kept back. All others stay, byte for byte. How a plan sizes its waypoints is not shown.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.support.commands import sidestep
from tests.support.kustomized import contents

ROOT = Path(__file__).parent / "gitops"
SIZES = re.compile(r"\A(---\n)?apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: sidestep-")


def documents(content: bytes) -> list[str]:
    """Of a file, without the sizes of waypoints."""
    found = re.split(r"^(?=---$)", content.decode(), flags=re.MULTILINE)
    return [each for each in found if not SIZES.match(each)]


def told(document: dict) -> list[str]:
    losses = (
        f"{each['severity']} {each['object']['kind']} {each['object']['name']} {each['field']}"
        for each in document["losses"]
    )
    held = (f"kept {each['workload']['name']}: {each['why']}" for each in document["heldBack"])
    return [*losses, *held]


@pytest.mark.parametrize("promise", sorted(path.name for path in ROOT.iterdir()))
def test_a_repository_changes_where_it_must_and_nowhere_else(promise, tmp_path):
    case, folder = ROOT / promise, tmp_path / "repository"
    shutil.copytree(case / "before", folder)
    done = sidestep("convert", "--from", folder, "--in-place", "-o", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["proof"]["verdict"] == "equal"
    assert not document["byHand"]
    wanted = {**contents(case / "before"), **contents(case / "after")}
    found = {name: documents(text) for name, text in contents(folder).items()}
    assert {name: each for name, each in found.items() if each} == {
        name: documents(each) for name, each in wanted.items()
    }
    assert told(document) == (case / "losses.txt").read_text().splitlines()
    again = sidestep("convert", "--from", folder, "--in-place", "-o", "json")
    assert not json.loads(again.stdout)["changes"]
