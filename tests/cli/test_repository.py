"""Writing a folder of manifests: all or nothing, whatever is in the way and whenever it is cut off."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidestep.cli import git, staged
from sidestep.cli.repository import Written, finish_interrupted, write_repository
from sidestep.cli.staged import JOURNAL, digest, locked
from sidestep.errors import WorldError

OLD = {"a.yaml": b"a: 1\n", "sub/b.yaml": b"b: 1\r\n", "gone.yaml": b"g\n"}
NEW = {"a.yaml": b"a: 2\n", "sub/b.yaml": b"b: 2\r\n", "gone.yaml": None, "sub/new.yaml": b"n\n"}


def laid(folder, files=OLD):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {str(folder / name): content for name, content in files.items()}


def wanted(folder, files=NEW):
    return {str(folder / name): content for name, content in files.items()}


def found(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and ".git/" not in str(p)
    }


AFTER = {name: content for name, content in NEW.items() if content is not None}


def test_all_changes_are_made(tmp_path):
    before = laid(tmp_path)
    (tmp_path / "a.yaml").chmod(0o640)
    told = write_repository(tmp_path, before, {**before, **wanted(tmp_path)})
    assert found(tmp_path) == AFTER
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640
    names = [[Path(p).name for p in group] for group in (told.changed, told.added, told.removed)]
    assert names == [["a.yaml", "b.yaml"], ["new.yaml"], ["gone.yaml"]]


def test_without_a_change_nothing_is_written(tmp_path):
    before = laid(tmp_path)
    (tmp_path / "a.yaml").chmod(0o444)
    assert write_repository(tmp_path, before, before) == Written()
    assert found(tmp_path) == OLD


def spoil_content(folder):
    (folder / "sub/b.yaml").write_bytes(b"somebody else's")


def spoil_new(folder):
    (folder / "sub/new.yaml").write_bytes(b"there already")


def spoil_gone(folder):
    (folder / "gone.yaml").unlink()


def spoil_mode(folder):
    (folder / "sub/b.yaml").chmod(0o444)


def spoil_folder_mode(folder):
    (folder / "sub").chmod(0o555)


def spoil_link(folder):
    outside = folder.parent / "outside.yaml"
    outside.write_bytes(OLD["a.yaml"])
    (folder / "a.yaml").unlink()
    (folder / "a.yaml").symlink_to(outside)


def spoil_folder_link(folder):
    (folder / "sub").rename(folder.parent / "sub")
    (folder / "sub").symlink_to(folder.parent / "sub")


def spoil_two_names(folder):
    (folder / "sub/b.yaml").unlink()
    (folder / "sub/b.yaml").symlink_to(folder / "a.yaml")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_content, "was changed since it was read"),
        (spoil_new, "exists already"),
        (spoil_gone, "was changed since it was read"),
        (spoil_mode, "is read-only"),
        (spoil_folder_mode, "is read-only"),
        (spoil_link, "leads out of the folder"),
        (spoil_folder_link, "leads out of the folder"),
        (spoil_two_names, "was changed since|two names"),
    ],
)
def test_what_is_in_the_way_is_named_and_nothing_is_written(tmp_path, spoil, says):
    folder = tmp_path / "repo"
    before = laid(folder)
    spoil(folder)
    stood = found(folder)
    with pytest.raises(WorldError, match=says) as raised:
        write_repository(folder, before, wanted(folder))
    assert raised.value.where.startswith(str(folder))
    (folder / "sub").chmod(0o755)
    assert found(folder) == stood
    assert not list(folder.parent.rglob("*staged*"))


def test_a_link_within_the_folder_changes_what_it_points_to(tmp_path):
    before = laid(tmp_path, {"a.yaml": b"a"})
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    link = str(tmp_path / "link.yaml")
    write_repository(tmp_path, {**before, link: b"a"}, {link: b"b"})
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "a.yaml").read_bytes() == b"b"


@pytest.mark.parametrize("path", ["../x.yaml", "/etc/x.yaml", "sub/../../x.yaml"])
def test_paths_that_leave_the_folder_are_refused(tmp_path, path):
    folder = tmp_path / "repo"
    laid(folder)
    with pytest.raises(WorldError, match="leads out"):
        write_repository(folder, {}, {os.path.join(folder, path): b"x"})  # noqa: PTH118 - as it would be joined
    assert not (tmp_path / "x.yaml").exists()


def test_a_disk_that_fills_up_leaves_everything_as_it_was(tmp_path, monkeypatch):
    before = laid(tmp_path)
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorldError, match="No space left on device; nothing was written"):
        write_repository(tmp_path, before, wanted(tmp_path))
    assert found(tmp_path) == OLD


def test_two_runs_do_not_meet(tmp_path):
    before = laid(tmp_path)
    with locked(tmp_path), pytest.raises(WorldError, match="another run"):
        write_repository(tmp_path, before, wanted(tmp_path))
    assert found(tmp_path) == OLD


CUT_OFF = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
from tests.cli.test_repository import AFTER, OLD, found, laid, wanted
from sidestep.cli.repository import finish_interrupted, write_repository

def dying(real, state):
    def call(*args, **kwargs):
        state[0] -= 1
        if state[0] == 0:
            os._exit(9)
        return real(*args, **kwargs)
    return call

def run(folder, before, left):
    state = [left]
    for name in ("open", "fsync", "fchmod"):
        setattr(os, name, dying(getattr(os, name), state))
    for name in ("replace", "unlink"):
        setattr(Path, name, dying(getattr(Path, name), state))
    write_repository(folder, before, wanted(folder), force=True)
    os._exit(0)

intact = complete = 0
for left in range(1, 500):
    folder = Path(sys.argv[1]) / str(left)
    before = laid(folder)
    child = os.fork()
    if not child:
        run(folder, before, left)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finish_interrupted(folder)
    assert finish_interrupted(folder) == ""
    state = {name: content for name, content in found(folder).items() if name != ".sidestep-staged.new"}
    assert state in (OLD, AFTER), (left, state)
    intact += state == OLD
    complete += state == AFTER
    if code == 0:
        break
print(intact, complete)
"""


def test_a_run_that_is_cut_off_anywhere_leaves_all_or_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", CUT_OFF, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    intact, complete = map(int, done.stdout.split())
    assert intact > 10
    assert complete > 5


def journal(folder, **fields):
    move = {"path": "a.yaml", "old": digest(b"a: 1\n"), "new": digest(b"x"), **fields}
    (folder / JOURNAL).write_text(json.dumps({"phase": "moving", "moves": [move], "version": 1}))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"path": "../outside"}, "not in this folder"),
        ({"path": "/etc/passwd"}, "not in this folder"),
        ({"path": ""}, "not in this folder"),
        ({}, "changed since"),
        ({"old": "0", "new": None}, "changed since"),
        ({"path": 5}, "Expected `str`"),
    ],
)
def test_a_journal_is_not_believed_blindly(tmp_path, fields, says):
    laid(tmp_path)
    journal(tmp_path, **fields)
    with pytest.raises(WorldError, match=says) as raised:
        finish_interrupted(tmp_path)
    assert JOURNAL in raised.value.remedy
    (tmp_path / JOURNAL).unlink()
    assert found(tmp_path) == OLD


def test_a_journal_that_nobody_followed_stops_a_run(tmp_path):
    before = laid(tmp_path)
    (tmp_path / JOURNAL).write_text("half a jour")
    with pytest.raises(WorldError, match="interrupted run"):
        write_repository(tmp_path, before, wanted(tmp_path))
    with pytest.raises(WorldError, match="cannot be followed"):
        finish_interrupted(tmp_path)


def in_git(folder, *arguments):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def committed(tmp_path):
    before = laid(tmp_path)
    in_git(tmp_path, "init", "-q")
    in_git(tmp_path, "add", ".")
    in_git(tmp_path, "commit", "-qm", "first")
    return before


def test_a_committed_tree_is_written_and_untracked_files_do_not_matter(tmp_path, committed):
    (tmp_path / "note.txt").write_text("x")
    write_repository(tmp_path, committed, wanted(tmp_path))
    assert found(tmp_path).keys() == AFTER.keys() | {"note.txt"}


def test_a_dirty_tree_is_refused_unless_forced(tmp_path, committed):
    (tmp_path / "sub/b.yaml").write_bytes(b"b: 3\n")
    committed[str(tmp_path / "sub/b.yaml")] = b"b: 3\n"
    with pytest.raises(WorldError, match=r"not committed: sub/b\.yaml") as raised:
        write_repository(tmp_path, committed, wanted(tmp_path))
    assert "--force" in raised.value.remedy
    write_repository(tmp_path, committed, wanted(tmp_path), force=True)
    assert found(tmp_path) == AFTER


def test_changes_outside_the_folder_do_not_matter(tmp_path, committed):
    (tmp_path / "a.yaml").write_bytes(b"dirty")
    new = {str(tmp_path / "sub/b.yaml"): b"x"}
    write_repository(tmp_path / "sub", committed, new)
    assert (tmp_path / "sub/b.yaml").read_bytes() == b"x"


def test_git_runs_no_program_that_the_repository_names(tmp_path, committed):
    in_git(tmp_path, "config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    git.check_committed(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_without_git_nothing_is_asked(tmp_path, committed, monkeypatch):
    (tmp_path / "a.yaml").write_bytes(b"dirty")
    monkeypatch.setenv("PATH", str(tmp_path))
    git.check_committed(tmp_path)


def test_a_git_that_fails_is_told(tmp_path, committed):
    (tmp_path / ".git/index").write_bytes(b"damaged")
    with pytest.raises(WorldError, match="git cannot tell") as raised:
        git.check_committed(tmp_path)
    assert "--force" in raised.value.remedy


def test_staged_names_are_hidden_and_beside(tmp_path):
    assert staged.staged_name(tmp_path / "a.yaml") == tmp_path / ".a.yaml.sidestep-staged"
