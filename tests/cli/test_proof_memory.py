"""What proofs keep from one run to the next: used where all is the same, never where anything is wrong with it."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.cli.test_explain import SHOP
from tests.support.commands import sidestep

from sidestep.cli.proof_memory import ProofMemory
from sidestep.prove.remembered import Remembered

OPENED = SHOP.replace("methods: [GET]", "methods: [HEAD]")


@pytest.fixture
def meshes(tmp_path):
    for name, text in (("before", SHOP), ("after", OPENED)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path / "before.yaml", tmp_path / "after.yaml"


@pytest.fixture
def folder(tmp_path):
    """Where the command keeps its files."""
    return tmp_path / "cache" / "sidestep" / "proofs"


def proved(*arguments):
    done = sidestep("prove", *arguments, "-o", "json")
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def files(folder):
    return sorted(folder.glob("*"))


def tampered(folder):
    """A file that says that nothing differs anywhere, as if a run had written it."""
    [path] = files(folder)
    found = ProofMemory(path.stem, folder)
    for digest in tuple(found._known):
        found.keep(digest, Remembered(7, 7))
    found.save()
    return path


def test_a_second_run_says_the_same(meshes, folder):
    first = proved(*meshes)
    assert first["verdict"] == "differs"
    assert proved(*meshes) == first == proved(*meshes, "--no-cache")
    [path] = files(folder)
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_was_found_is_used_and_not_found_again(meshes, folder):
    proved(*meshes)
    tampered(folder)
    assert proved(*meshes)["verdict"] == "equal"
    assert proved(*meshes, "--no-cache")["verdict"] == "differs"


def test_another_mesh_and_other_terms_are_asked_anew(meshes, folder):
    proved(*meshes)
    tampered(folder)
    assert proved(*meshes, "--strict", "all")["verdict"] == "differs"
    meshes[1].write_text(OPENED.replace("[HEAD]", "[HEAD, PUT]"))
    assert proved(*meshes)["verdict"] == "differs"


def test_without_a_cache_nothing_is_kept(meshes, folder):
    proved(*meshes, "--no-cache")
    assert not folder.exists()


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))


def written_by_others(path):
    path.chmod(0o666)


def a_link(path):
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def a_folder(path):
    path.unlink()
    path.mkdir()


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, flipped, written_by_others, a_link, a_folder, empty])
def test_a_file_with_which_something_is_wrong_is_not_looked_at(meshes, folder, harm):
    proved(*meshes)
    harm(tampered(folder))
    assert proved(*meshes)["verdict"] == "differs"


def test_a_folder_that_cannot_be_made_is_no_error(meshes, folder):
    folder.parent.parent.write_text("a file stands there")
    assert proved(*meshes)["verdict"] == "differs"


def test_runs_side_by_side_leave_a_file_that_is_whole(folder):
    def run(number):
        memory = ProofMemory("shared", folder)
        memory.keep(f"digest {number}", Remembered(number, number))
        memory.save()

    with ThreadPoolExecutor(4) as several:
        list(several.map(run, range(40)))
    assert [path.name for path in files(folder)] == ["shared.proof"]
    last = ProofMemory("shared", folder)
    known = [number for number in range(40) if last.recall(f"digest {number}") == Remembered(number, number)]
    assert known


def test_only_the_newest_files_stay(folder):
    for number in range(20):
        memory = ProofMemory(f"name{number:02}", folder)
        memory.keep("digest", Remembered(1, 1))
        memory.save()
        os.utime(folder / f"name{number:02}.proof", (number, number))
    left = {path.name for path in files(folder)}
    assert "name19.proof" in left
    assert "name00.proof" not in left
    assert len(left) == 16
