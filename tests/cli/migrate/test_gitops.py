"""Each wave is one commit of the user's repository, with its reason; nothing of his is touched, and all can be undone."""

import json

import pytest
from tests.support.commands import sidestep
from tests.support.killed import killed_at
from tests.support.repositories import SHOP, Repository, planned

BRANCH = "sidestep/ambient"
SUBJECTS = [
    "Prepare the move to ambient",
    "Move to ambient, wave 1: shop/stock, shop/web",
    "Move to ambient, wave 2: shop/orders",
    "Settle the move to ambient",
]


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return planned(SHOP, tmp_path_factory.mktemp("plan") / "plan")


@pytest.fixture
def migrate(repository, plan):
    """The command, of this plan in this repository, or one of its verbs."""

    def run(*arguments, verb=""):
        first = ("migrate", verb) if verb else ("migrate", "--plan", plan, "--offline")
        return sidestep(*first, "--gitops", repository.folder / "mesh", *arguments)

    return run


def test_each_wave_is_a_commit_that_says_why_and_by_what_evidence(migrate, repository):
    done = migrate("--apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert repository.subjects(BRANCH) == SUBJECTS
    message = " ".join(repository.git("log", "-1", "--format=%B", f"{BRANCH}~1").split())
    assert "Deployment shop/orders (3 pods) becomes ambient-with-waypoint: its rules look at methods" in message
    assert "Proved: the converted mesh decides as today" in message
    assert "Sidestep-Stage: waves/02" in message
    assert "none of 11 gates is asked" in done.stderr


def test_what_comes_out_is_what_convert_writes_stage_by_stage(migrate, repository, plan):
    migrate("--apply", "--yes")
    repository.git("checkout", "--quiet", "-b", "by-convert")
    for stage in ("base", "1", "2", "late"):
        done = sidestep(
            "convert",
            "--from",
            repository.folder / "mesh",
            "--in-place",
            "--plan",
            plan,
            "--until",
            stage,
            "--no-prove",
        )
        assert done.returncode == 0, done.stderr
        repository.commit(stage)
    assert repository.tree("by-convert") == repository.tree(BRANCH)


def test_the_working_tree_of_its_owner_is_not_touched(migrate, repository):
    migrate("--apply", "--yes")
    assert repository.git("status", "--porcelain") == ""
    assert repository.git("branch", "--show-current") == "main"
    assert repository.git("worktree", "list").count("\n") == 0


def test_without_apply_nothing_is_committed_and_the_diff_shows_what_would_be(migrate, repository):
    looked = migrate()
    assert looked.returncode == 0, looked.stderr
    assert "c001-0001  commit waves/01: shop/stock, shop/web" in looked.stdout
    shown = migrate("-o", "diff")
    assert shown.stdout.count("\nSubject: [PATCH") == len(SUBJECTS)
    assert "istio.io/dataplane-mode: ambient" in shown.stdout
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_a_rollback_reverts_what_was_committed(migrate, repository):
    migrate("--apply", "--yes")
    back = migrate("--to", "2", "--yes", verb="rollback")
    assert back.returncode == 0, back.stderr
    assert repository.subjects(BRANCH)[4:] == [f"Take back: {SUBJECTS[3]}", f"Take back: {SUBJECTS[2]}"]
    assert repository.tree(BRANCH) == repository.tree(f"{BRANCH}~4")
    assert migrate("--yes", verb="rollback").returncode == 0
    assert repository.tree(BRANCH) == repository.tree("main")


def test_a_rollback_over_what_somebody_committed_since_keeps_his_lines_or_stops(migrate, repository):
    migrate("--apply", "--yes")
    repository.git("checkout", "--quiet", BRANCH)
    shop = repository.folder / "mesh" / "shop.yaml"
    shop.write_text(shop.read_text().replace("istio.io/dataplane-mode: ambient", "istio.io/dataplane-mode: none", 1))
    repository.commit("mine")
    repository.git("checkout", "--quiet", "main")
    back = migrate("--yes", verb="rollback")
    assert back.returncode == 6
    assert "others have changed the same lines since" in back.stderr
    assert repository.subjects(BRANCH)[4] == "mine"
    told = migrate(verb="status").stdout
    assert "stopped" in told.splitlines()[0]


def test_patches_are_what_the_branch_would_be(migrate, repository, tmp_path):
    migrate("--apply", "--yes")
    done = migrate("--patches", tmp_path / "patches", "--apply", "--yes")
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "patches").iterdir())
    assert done.stdout.splitlines() == list(map(str, files))
    assert len(files) == len(SUBJECTS)
    repository.git("checkout", "--quiet", "-b", "applied")
    repository.git("am", "--quiet", *map(str, files))
    assert repository.tree("applied") == repository.tree(BRANCH)
    assert "sidestep/patches" not in repository.git("branch")


def test_commits_are_pushed_and_so_is_what_takes_them_back(migrate, repository, tmp_path):
    remote = tmp_path / "remote.git"
    repository.git("init", "--quiet", "--bare", remote)
    repository.git("remote", "add", "origin", remote)
    done = migrate("--push", "origin", "--apply", "--yes")
    assert done.returncode == 0, done.stderr
    ours = repository.git("rev-parse", BRANCH)
    assert repository.git("ls-remote", remote, f"refs/heads/{BRANCH}").split() == [ours, f"refs/heads/{BRANCH}"]
    assert migrate("--yes", verb="rollback").returncode == 0
    back = repository.git("rev-parse", BRANCH)
    assert back != ours
    assert repository.git("ls-remote", remote, f"refs/heads/{BRANCH}").split()[0] == back


def test_a_remote_that_cannot_be_reached_is_waited_for_and_then_named(migrate, repository, tmp_path):
    repository.git("remote", "add", "origin", tmp_path / "nowhere.git")
    done = migrate("--push", "origin", "--apply", "--yes", "--patience", "1s", "--no-rollback")
    assert done.returncode == 6, done.stderr
    assert "the branch cannot be pushed" in done.stderr
    assert "waiting for it, 1 s at most" in done.stderr


def test_what_a_command_prints_is_followed_and_the_files_that_make_it_are_changed(migrate, repository):
    done = migrate("--render", "cat shop.yaml", "--apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert repository.subjects(BRANCH) == SUBJECTS
    assert "istio.io/dataplane-mode: ambient" in repository.git("show", f"{BRANCH}:mesh/shop.yaml")


@pytest.mark.parametrize("command", ["false", "no-such-program-of-anybody", "sed"])
def test_a_command_that_prints_nothing_usable_is_named_and_nothing_is_committed(migrate, repository, command):
    done = migrate("--render", command, "--apply", "--yes")
    assert (done.returncode, f"--render {command}" in done.stderr) == (1, True), done.stderr
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_only_some_waves(migrate, repository):
    assert migrate("--until", "1", "--apply", "--yes").returncode == 0
    assert repository.subjects(BRANCH) == SUBJECTS[:2]
    assert migrate("--apply", "--yes").returncode == 0
    assert repository.subjects(BRANCH) == SUBJECTS


def test_killed_at_any_line_of_its_journal_it_goes_on_or_back(repository, plan, migrate):
    arguments = ["migrate", "--plan", plan, "--gitops", repository.folder / "mesh", "--offline", "--apply", "--yes"]
    told = migrate("--apply", "--yes", "-o", "jsonl").stdout.splitlines()
    whole = repository.tree(BRANCH)
    assert [json.loads(each)["type"] for each in told] == ["began", *["stepBegan", "stepDone"] * 4, "ended"]
    for line in (1, 4, 5, 8):
        repository.git("branch", "--quiet", "-D", BRANCH)
        goes_on = line % 2 == 1
        killed_at(line, *map(str, arguments), after=not goes_on)
        assert "interrupted" in migrate(verb="status").stdout.splitlines()[0]
        done = migrate(verb="resume") if goes_on else migrate("--yes", verb="rollback")
        assert done.returncode == 0, (line, done.stderr)
        assert repository.tree(BRANCH) == (whole if goes_on else repository.tree("main")), line


def test_an_altered_journal_is_no_ground_for_guesses_and_a_torn_line_is_left_out(migrate, repository):
    migrate("--until", "0", "--apply", "--yes")
    (journal,) = (repository.folder / ".git" / "sidestep" / "runs").glob("*/journal.jsonl")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-9])
    assert "interrupted" in migrate(verb="status").stdout.splitlines()[0]
    assert migrate(verb="resume").returncode == 0
    journal.write_bytes(whole.replace(b"base", b"late") if b"base" in whole else whole.replace(b"c000", b"c001", 1))
    for verb in ("status", "resume"):
        done = migrate(verb=verb)
        assert (done.returncode, "the journal is altered: line" in done.stderr) == (1, True)
    assert migrate(verb="history").stdout.splitlines()[1].endswith("altered")


def test_what_cannot_be_is_refused_before_anything_is_committed(migrate, repository, plan, tmp_path):
    def refused(done, *words):
        assert done.returncode == 1
        assert all(word in done.stderr for word in words), done.stderr
        assert repository.git("branch", "--format=%(refname:short)") == "main"

    refused(migrate("--branch", "main", "--apply", "--yes"), "the branch main is checked out")
    refused(migrate("--patches", tmp_path / "p", "--push", "origin", "--apply", "--yes"), "--patches makes no branch")
    refused(migrate("--application", "shop", "--apply", "--yes"), "names nothing that applies a repository")
    refused(migrate("--apply"), "nobody can be asked", "--yes")
    refused(sidestep("migrate", "--plan", plan, "--gitops", tmp_path, "--offline"), "not a git repository")
    shop = repository.folder / "mesh" / "shop.yaml"
    shop.write_text(f"{shop.read_text()}# mine\n")
    refused(migrate("--apply", "--yes"), "changes that are not committed: mesh/shop.yaml")
