"""Reading a folder to write it."""

import os

import pytest

from sidestep.convert.editing.file import ObjectEdit, edit_file
from sidestep.errors import WorldError
from sidestep.model.kinds import DEPLOYMENT
from sidestep.sources import repository
from sidestep.sources.files import FilesSource
from sidestep.sources.repository import read_repository, texts


def test_what_manifests_are_made_of_is_read_as_it_is(tmp_path):
    wanted = {
        "a.yaml": b"\xef\xbb\xbfa: 1\r\n",
        "k/Kustomization": b"x",
        "c/templates/_h.tpl": b"{{",
        "c/values.json": b"{}",
    }
    for name, content in {**wanted, "notes.md": b"", ".git/x.yaml": b"", ".hidden.yaml": b""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert read_repository(tmp_path) == {str(tmp_path / name): content for name, content in wanted.items()}
    assert texts({"a": b"\xef\xbb\xbfa: 1\r\n", "b": b"\xff"}) == {"a": "\ufeffa: 1\r\n"}


def test_links_that_leave_and_loops_are_not_followed(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    (tmp_path / "out.yaml").write_text("x")
    (folder / "in.yaml").write_text("x")
    for name, target in {
        "a.yaml": tmp_path / "out.yaml",
        "b.yaml": "b.yaml",
        "c.yaml": "in.yaml",
        "d": tmp_path,
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.yaml")
    assert [os.path.basename(path) for path in read_repository(folder)] == ["c.yaml", "in.yaml"]  # noqa: PTH119


def test_what_is_too_large_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "LARGEST", 3)
    (tmp_path / "a.yaml").write_text("a: 1\n")
    assert read_repository(tmp_path) == {}


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(WorldError, match="no such folder"):
        read_repository(tmp_path / "x")


def test_paths_are_those_of_origins(corpus, monkeypatch):
    monkeypatch.chdir(corpus)
    mesh = FilesSource(["bookinfo"]).read()
    files = texts(read_repository(corpus.__class__("bookinfo")))
    resources = mesh.of(DEPLOYMENT)
    assert len(resources) > 5
    for each in resources:
        tree = each.tree()
        edit = ObjectEdit(
            each.origin.document, tree, {**tree, "metadata": {**tree["metadata"], "annotations": {"a": "b"}}}
        )
        new = edit_file(files[each.origin.path], [edit])
        assert len(new.splitlines()) == len(files[each.origin.path].splitlines()) + 2
