"""Revisions of a git repository as meshes: what was committed, named as in the repository, and nothing else."""

import os
import subprocess

import pytest

from sidestep.errors import UsageError, WorldError
from sidestep.sources.git_revision import GitSource

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {0}, namespace: shop}}\n"


def git(folder, *arguments):
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PATH": os.environ["PATH"]}
    who = (
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.com",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "protocol.file.allow=always",
    )
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, env=settings, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Two commits on `main`, of which the second moved an object, and a dirty working tree."""
    folder = tmp_path / "repository"
    (folder / "apps").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "apps" / "a.yaml").write_text("# first\n" + OBJECT.format("a"))
    (folder / "b.yml").write_text(OBJECT.format("b"))
    (folder / "notes.txt").write_text("no manifest")
    commit(folder, "one")
    (folder / "b.yml").unlink()
    (folder / "apps" / "c.yaml").write_text(OBJECT.format("c"))
    commit(folder, "two")
    (folder / "apps" / "a.yaml").write_text("{{{ dirty")
    monkeypatch.chdir(folder / "apps")
    return folder


def commit(folder, message):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def origins(mesh):
    found = [each for group in mesh.resources.values() for each in group] + list(mesh.others)
    return {each.meta.name: str(each.origin) for each in found}


def test_a_revision_is_what_was_committed_from_any_folder_of_the_repository(repository):
    mesh = GitSource("git:HEAD").read()
    assert origins(mesh) == {"a": "git:HEAD:apps/a.yaml:1", "c": "git:HEAD:apps/c.yaml:1"} or {
        name: place.rpartition(":")[0] for name, place in origins(mesh).items()
    } == {"a": "git:HEAD:apps/a.yaml", "c": "git:HEAD:apps/c.yaml"}
    assert mesh.source.name == "git:HEAD"
    assert mesh.gaps == ()
    assert set(origins(GitSource("git:HEAD~1").read())) == {"a", "b"}
    assert set(origins(GitSource("git:main@{0}").read())) == {"a", "c"}


@pytest.mark.parametrize(
    ("text", "names"), [("git:HEAD:apps", {"a", "c"}), ("git:HEAD~1:b.yml", {"b"}), ("git:main:/apps/c.yaml", {"c"})]
)
def test_a_path_starts_at_the_top_of_the_repository(repository, text, names):
    assert set(origins(GitSource(text).read())) == names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("git:nope", "revision"),
        ("git:HEAD:nope", "has no nope"),
        ("git:--output=/tmp/x", "revision"),
        ("git:HEAD; touch x", "revision"),
        ("git:HEAD:../..", ".."),
    ],
)
def test_what_is_not_there_is_said_and_never_run(repository, text, told):
    with pytest.raises(WorldError) as raised:
        GitSource(text).read()
    assert told in str(raised.value)
    assert raised.value.where == text
    assert not (repository / "apps" / "x").exists()


@pytest.mark.parametrize("text", ["git:", "git::apps", "git:{"])
def test_what_names_no_revision_is_a_slip(text):
    with pytest.raises(UsageError):
        GitSource(text)


def test_outside_of_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorldError):
        GitSource("git:HEAD").read()


def test_links_lead_within_the_revision_only(repository):
    (repository / "apps" / "a.yaml").unlink()
    (repository / "linked.yaml").symlink_to("apps/c.yaml")
    (repository / "leaving.yaml").symlink_to("/etc/passwd.yaml")
    (repository / "up.yaml").symlink_to("../../x.yaml")
    commit(repository, "links")
    mesh = GitSource("git:HEAD").read()
    assert set(origins(mesh)) == {"c"}
    assert {each.where for each in mesh.remarks if "leaves the revision" in each.text} == {
        "git:HEAD:leaving.yaml",
        "git:HEAD:up.yaml",
    }


def test_submodules_charts_and_broken_files_are_gaps_named_as_in_the_repository(repository):
    git(repository, "checkout", "-q", "apps/a.yaml")
    git(
        repository,
        "update-index",
        "--add",
        "--cacheinfo",
        f"160000,{git(repository, 'rev-parse', 'HEAD').strip()},vendor",
    )
    (repository / "chart" / "templates").mkdir(parents=True)
    (repository / "chart" / "Chart.yaml").write_text("name: x")
    (repository / "chart" / "templates" / "x.yaml").write_text("{{ template }}")
    (repository / "kustomize").mkdir()
    (repository / "kustomize" / "Kustomization").write_text("resources: []")
    (repository / "bad.yaml").write_text("a: [")
    git(repository, "add", "chart", "kustomize", "bad.yaml")
    git(repository, "commit", "-q", "-m", "three")
    mesh = GitSource("git:HEAD").read()
    told = {each.resource: f"{each.detail} {each.remedy}" for each in mesh.gaps}
    for name in ("vendor", "chart", "kustomize", "bad.yaml"):
        assert any(each.startswith(f"git:HEAD:{name}") for each in told), name
    assert not any("sidestep-git-" in f"{name} {text}" for name, text in told.items())
    assert set(origins(mesh)) == {"a", "c"}


def test_names_that_are_no_utf8_and_contents_with_crlf(repository):
    git(repository, "checkout", "-q", "apps/a.yaml")
    (repository / os.fsdecode(b"caf\xe9.yaml")).write_bytes(OBJECT.format("d").replace("\n", "\r\n").encode())
    (repository / ".gitattributes").write_text("*.yaml export-ignore\n")
    commit(repository, "names")
    assert set(origins(GitSource("git:HEAD").read())) == {"a", "c", "d"}
