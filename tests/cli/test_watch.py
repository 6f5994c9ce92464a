"""Whoever stays is told what a new run of the command would tell, whatever happens to the files."""

import json
import os
import signal
import subprocess

import msgspec
import pytest
import yaml
from tests.cli.test_explain import SHOP
from tests.prove.random_meshes import World
from tests.sources.test_held_files import Folder
from tests.support.commands import PROGRAMS, environment, sidestep

from sidestep.cli.proofs import ask_of, proof_of
from sidestep.cli.prove import command
from sidestep.cli.watch import LOOKS_APART, Pace, Shown, Watch, between
from sidestep.errors import SidestepError, UsageError
from sidestep.prove.proof import Conclusion
from sidestep.report.formats import Look
from sidestep.sources.files import FilesSource
from sidestep.sources.snapshot import write_snapshot

WHEN = "2026-01-01T00:00:00Z"
SHUT = SHOP.replace("methods: [GET]", "methods: [HEAD]")


def options(*arguments):
    """As the command line gives them."""
    return command.make_context("prove", [str(each) for each in arguments]).params


class Beside:
    """Somebody who changes files between looks, one change after the other, and then ends it."""

    def __init__(self, *arguments, changes):
        self.proofs, self.apart = [], []
        self._changes = iter(changes)
        self.watch = Watch(options(*arguments, "--watch"), self.show, "apart", Pace(lambda: 0.0, self.sleep))

    def sleep(self, seconds):
        if seconds >= LOOKS_APART:
            change = next(self._changes, None)
            if change is None:
                raise KeyboardInterrupt
            change()

    def show(self, proof, before):
        self.proofs.append(proof)
        self.apart.append(before)
        return Shown(3 if proof.verdict is Conclusion.DIFFERS else 0)

    @property
    def verdicts(self):
        return [each.verdict.value for each in self.proofs]


@pytest.fixture
def folder(tmp_path) -> Folder:
    """The mesh after; the one before stands beside it."""
    (tmp_path / "before.yaml").write_text(SHOP)
    found = Folder(tmp_path / "after")
    found.write("shop.yaml", SHOP)
    return found


def watched(folder, *changes, more=()):
    before = folder.root.parent / "before.yaml"
    found = Beside(before, folder.root, "--no-cache", *more, changes=changes)
    return found, found.watch.run()


def written(folder, name, text):
    def write():
        folder.tick()
        folder.write(name, text)

    return write


def nothing():
    pass


def test_what_changes_is_proved_again_and_the_last_answer_is_the_exit_code(folder, capsys):
    shut, open_ = written(folder, "shop.yaml", SHUT), written(folder, "shop.yaml", SHOP)
    found, code = watched(folder, nothing, shut, nothing, open_, shut)
    assert (found.verdicts, code) == (["equal", "differs", "equal", "differs"], 3)
    assert found.apart == ["", "apart", "apart", "apart"]
    told = [each for each in capsys.readouterr().err.splitlines() if each.startswith("changed")]
    assert len(told) == 3
    assert "shop.yaml; proved again in" in told[0]


def test_a_file_that_says_the_same_is_not_proved_again(folder):
    found, code = watched(folder, written(folder, "shop.yaml", SHOP), written(folder, "notes.txt", "x"))
    assert (found.verdicts, code) == (["equal"], 0)


def test_what_is_half_written_is_told_and_what_follows_is_proved(folder, capsys):
    found, code = watched(folder, written(folder, "shop.yaml", "kind: ["), nothing, written(folder, "shop.yaml", SHUT))
    assert (found.verdicts, code) == (["equal", "differs"], 3)
    err = capsys.readouterr().err
    assert err.count("error:") == 1
    assert "shop.yaml:2: " in err


def test_an_error_that_lasts_is_the_exit_code(folder):
    assert watched(folder, written(folder, "shop.yaml", "kind: ["))[1] == 1


def test_both_meshes_that_are_wrong_at_once_are_told_once(folder, capsys):
    before = folder.root.parent / "before.yaml"

    def both():
        written(folder, "shop.yaml", "kind: [")()
        before.write_text("kind: [[")

    watched(folder, both, nothing, nothing)
    assert capsys.readouterr().err.count("error:") == 1


def test_a_folder_that_is_away_for_a_moment(folder, capsys):
    away = folder.root.parent / "away"
    found, code = watched(folder, lambda: folder.root.rename(away), lambda: away.rename(folder.root))
    assert (found.verdicts, code) == (["equal", "equal"], 0)
    assert "no such file" in capsys.readouterr().err


def test_files_of_options_are_watched_too(folder):
    accept = folder.root.parent / "accept.yaml"
    entry = {"name": "all", "reason": "r", "owner": "o", "expires": "2999-01-01"}
    empty = {"apiVersion": "sidestep.dev/v1", "kind": "AcceptedDifferences", "accepted": []}
    accept.write_text(yaml.safe_dump({**empty, "accepted": [{**entry, "direction": "open"}]}))
    written(folder, "shop.yaml", SHUT)()
    closed = [{**entry, "direction": each, "name": each} for each in ("open", "closed")]
    changes = (
        lambda: accept.write_text(yaml.safe_dump({**empty, "accepted": closed})),
        lambda: accept.write_text("x: ["),
    )
    found, code = watched(folder, *changes, more=("--accept", accept))
    assert (found.verdicts, code) == (["differs", "equal"], 1)


def test_who_reads_no_more_is_told_no_more(folder):
    found = Beside(folder.root, folder.root, "--no-cache", changes=[written(folder, "shop.yaml", SHUT)] * 2)
    show = found.show
    found.watch._show = lambda proof, before: msgspec.structs.replace(show(proof, before), is_read=False)
    assert found.watch.run() == 0
    assert found.verdicts == ["equal"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("after", "-"), "stdin"),
        (("git:main", "git:HEAD"), "neither"),
        (("cluster", "git:HEAD"), "neither"),
        (("after", "--invariant", "none.yaml"), "none.yaml"),
        (("after", "nowhere"), "nowhere"),
        (("--plan", "labels", "--from", "after"), "--watch"),
        (("before.yaml", "after", "--out", "after/proof.yaml"), "outside"),
    ],
)
def test_what_cannot_be_watched(folder, monkeypatch, arguments, told):
    monkeypatch.chdir(folder.root.parent)
    with pytest.raises(SidestepError, match=told):
        Beside(*arguments, changes=())


def test_one_mesh_is_not_watched(folder):
    (folder.root.parent / "i.yaml").write_text(
        "apiVersion: sidestep.dev/v1\nkind: Invariants\ninvariants: [nobody reaches shop/cart]\n"
    )
    with pytest.raises(UsageError, match="two meshes"):
        Beside(folder.root, "--invariant", folder.root.parent / "i.yaml", changes=())


def test_answers_are_kept_apart_as_their_form_asks():
    look = Look(width=10)
    assert between("table", look) == f"\n{'─' * 10}\n"
    assert between("yaml", look) == "---\n"
    assert between("json", look) == ""


class Edits:
    """Random changes of a mesh in files, an object each: same seed, same changes."""

    def __init__(self, seed, folder):
        self._world, self._folder = World(seed), folder
        self._parts = self._world.guarded()
        self._written = {}
        self._write(self._parts)

    def one(self):
        chance = self._world.chance
        if chance.random() < 0.7:
            self._parts = self._world.changed(self._parts)
            self._write(self._parts)
        elif chance.random() < 0.5:
            self._folder.tick()
            self._put(chance.choice(sorted(self._written)), "kind: [\n")
        else:
            name = chance.choice(sorted(self._written))
            self._folder.tick()
            (self._folder.root / name).unlink()
            del self._written[name]

    def _write(self, parts):
        self._folder.tick()
        objects = self._world.objects(parts)
        named = {f"{each['kind']}-{each['metadata']['name']}.yaml": yaml.safe_dump(each) for each in objects}
        for name in self._written.keys() - named.keys():
            (self._folder.root / name).unlink()
        for name, text in named.items():
            if self._written.get(name) != text:
                self._put(name, text)
        self._written = named

    def _put(self, name, text):
        self._folder.write(name, text)
        self._written[name] = text


def partial_lines(lines):
    return [each for each in lines if each.startswith("partial")]


@pytest.mark.parametrize("seed", range(10))
def test_what_is_told_is_what_a_new_run_tells(seed, tmp_path, capsys):
    before, after = (Folder(tmp_path / name) for name in ("before", "after"))
    edits = [Edits(seed, before), Edits(seed, after)]
    arguments = (before.root, after.root, "--no-cache", "--jobs", "1", "--accept-preset", "none")
    found = Beside(*arguments, changes=[edits[number % 4 == 3].one for number in range(8)])
    told = []

    def show(proof, _):
        told.append(capsys.readouterr().err)
        fresh = proof_of(ask_of(options(*arguments)))
        assert msgspec.json.encode(proof) == msgspec.json.encode(fresh)
        said = capsys.readouterr().err.splitlines()
        assert partial_lines(told[-1].splitlines()) == partial_lines(said)
        assert set(said) <= {line for each in told for line in each.splitlines()}
        return Shown(0)

    found.watch._show = show
    found.watch.run()
    assert len(told) > 3


def test_a_user_who_edits_and_ends_it(folder):
    """The command itself: one JSON document after the other, and the exit code of the last."""
    before = folder.root.parent / "before.yaml"
    arguments = [PROGRAMS / "sidestep", "prove", before, folder.root, "--watch", "-o", "json"]
    settings = environment(XDG_CACHE_HOME=str(folder.root.parent / "cache"))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": settings}
    with subprocess.Popen(arguments, **pipes) as process:
        assert "watching" in process.stderr.readline()
        folder.tick()
        folder.write("shop.yaml", SHUT)
        assert "shop.yaml; proved again" in process.stderr.readline()
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    verdicts, rest = [], out
    while rest.strip():
        found, end = json.JSONDecoder().raw_decode(rest.lstrip())
        rest = rest.lstrip()[end:]
        verdicts.append(found["verdict"])
    assert verdicts == ["equal", "differs"]
    assert sidestep("prove", before, folder.root, "--watch", "--plan", "labels").returncode == 1


def test_a_revision_stays_what_it_was_while_files_change(folder, monkeypatch):
    monkeypatch.chdir(folder.root)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    found = Beside("git:HEAD", ".", "--no-cache", changes=[written(folder, "shop.yaml", SHUT)])
    assert (found.watch.run(), found.verdicts) == (3, ["equal", "differs"])


def test_a_snapshot_is_read_when_it_is_another(folder, tmp_path):
    path = tmp_path / "mesh.sidestep"

    def taken(text):
        def take():
            written(folder, "shop.yaml", text)()
            write_snapshot(FilesSource([str(folder.root)]).read(), str(path), created=WHEN, tool_version="1")

        return take

    taken(SHOP)()
    found = Beside(
        tmp_path / "before.yaml", path, "--no-cache", changes=[nothing, taken(SHUT), taken(SHUT), path.unlink]
    )
    assert (found.watch.run(), found.verdicts) == (1, ["equal", "differs"])


def test_what_was_noticed_is_told_once_and_again_when_it_is_otherwise(folder, capsys):
    twice, once = written(folder, "twice.yaml", SHOP), written(folder, "twice.yaml", "# nothing\n")
    watched(folder, twice, written(folder, "shop.yaml", SHUT), once, twice)
    assert capsys.readouterr().err.count("stands in") == 2 * 3


def test_what_is_missing_ends_every_proof_that_asks_for_all(folder):
    broken, other = written(folder, "broken.yaml", "a: ["), written(folder, "shop.yaml", SHUT)
    found, code = watched(folder, broken, other, more=("--require-complete",))
    assert (found.verdicts, code) == (["equal"], 1)
