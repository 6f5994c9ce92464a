"""`sidestep snapshot`, `rbac` and `completion`."""

import gzip
import json
import re

import pytest
import yaml
from tests.support.commands import LABELLED, sidestep


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "portal.yaml").write_text(LABELLED)
    return tmp_path / "repo"


def audited(path) -> dict:
    return json.loads(sidestep("audit", "--from", path, "-o", "json").stdout)


def test_a_snapshot_is_audited_like_what_it_was_made_of(folder, tmp_path):
    target = tmp_path / "mesh.sidestep"
    made = sidestep("snapshot", "--from", folder, "-f", target)
    assert (made.returncode, made.stdout) == (0, "")
    assert "1 objects" in made.stderr
    before, after = audited(folder), audited(target)
    for part in ("totals", "namespaces", "workloads", "findings"):
        assert before[part] == after[part]


def test_hashed_names_are_gone_and_the_key_is_told_once_and_not_kept(folder, tmp_path):
    target = tmp_path / "mesh.sidestep"
    made = sidestep("snapshot", "--from", folder, "-f", target, "--hash-names")
    (key,) = re.findall(r"\b[0-9a-f]{32,}\b", made.stderr)
    content = gzip.decompress(target.read_bytes())
    assert b"portal" not in content
    assert key.encode() not in content
    again = tmp_path / "again.sidestep"
    repeated = sidestep("snapshot", "--from", folder, "-f", again, "--hash-names", "--hash-key", key)
    assert key not in repeated.stderr
    assert audited(again)["namespaces"] == audited(target)["namespaces"]


def test_an_altered_snapshot_is_a_clear_error(folder, tmp_path):
    target = tmp_path / "mesh.sidestep"
    sidestep("snapshot", "--from", folder, "-f", target)
    target.write_bytes(target.read_bytes()[:-20])
    done = sidestep("audit", "--from", target)
    assert done.returncode == 1
    assert str(target) in done.stderr


def test_a_snapshot_is_given_alone(folder, tmp_path):
    target = tmp_path / "mesh.sidestep"
    sidestep("snapshot", "--from", folder, "-f", target)
    done = sidestep("audit", "--from", target, "--from", folder)
    assert done.returncode == 1
    assert "give it alone" in done.stderr


def test_the_least_role_reads_and_never_secrets():
    role = yaml.safe_load(sidestep("rbac").stdout)
    assert role["kind"] == "ClusterRole"
    resources = {resource for rule in role["rules"] for resource in rule.get("resources", ())}
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} <= {"get", "list"}
    assert "pods" in resources
    assert not {"secrets", "*"} & resources


def test_a_revision_has_config_maps_of_its_own():
    named = lambda text: {name for rule in yaml.safe_load(text)["rules"] for name in rule.get("resourceNames", ())}  # noqa: E731
    more = named(sidestep("rbac", "--revision", "1-29").stdout) - named(sidestep("rbac").stdout)
    assert more
    assert all(name.endswith("-1-29") for name in more)


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion_scripts_name_the_program(shell):
    done = sidestep("completion", shell)
    assert done.returncode == 0
    assert "_SIDESTEP_COMPLETE" in done.stdout


def test_completion_completes():
    done = sidestep(COMP_WORDS="sidestep audit --req", COMP_CWORD="2", _SIDESTEP_COMPLETE="bash_complete")
    assert done.stdout.split() == ["plain,--request-timeout", "plain,--require-complete"]
