"""How the commands behave: help, exit codes, streams, colours, interruptions."""

import signal
import subprocess
import sys

import pytest
import yaml
from tests.support.commands import LABELLED, PROGRAMS, environment, on_terminal, sidestep

from sidestep import __version__
from sidestep.cli import main
from sidestep.errors import WorldError

HEAVY = {"msgspec", "rich", "jinja2", "httpx2", "yaml", "asyncio", "ssl", "json", "logging", "email", "urllib"}
COUNT = """
import sys
import click
before = set(sys.modules)
from sidestep.cli.main import run
assert run(["sidestep", *sys.argv[1:]]) == 0
print("", *sorted(set(sys.modules) - before), file=sys.stderr)
"""
ESCAPE = "\x1b["


@pytest.fixture
def folder(tmp_path):
    """A repository in which one warning is to be found."""
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "portal.yaml").write_text(LABELLED)
    return tmp_path / "repo"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_is_instant_because_it_imports_nothing(arguments):
    done = subprocess.run([sys.executable, "-c", COUNT, *arguments], capture_output=True, text=True, check=True)
    imported = done.stderr.split()
    assert not HEAVY & {name.partition(".")[0] for name in imported}
    assert [name for name in imported if name.startswith("sidestep")] == [
        "sidestep", "sidestep.cli", "sidestep.cli.main", "sidestep.errors",
    ]  # fmt: skip
    assert len(imported) < 40


@pytest.mark.parametrize(
    ("program", "shown"),
    [("sidestep", "Usage: sidestep [OPTIONS]"), ("kubectl-sidestep", "Usage: kubectl sidestep [OPTIONS]")],
)
def test_help_shows_the_name_it_was_called_by(program, shown):
    done = sidestep("--help", program=program)
    assert done.returncode == 0
    assert done.stdout.startswith(shown)
    assert sidestep("audit", "-h", program=program).stdout.startswith(shown.replace("[OPTIONS]", "audit [OPTIONS]"))


def test_help_names_every_command_with_the_first_words_of_its_own_help():
    for name, (_, told) in main.COMMANDS.items():
        own = " ".join(sidestep(name, "--help").stdout.split())
        assert told.removesuffix(".") in own


def test_no_arguments_show_help_and_version_tells_the_version():
    assert sidestep().stdout == sidestep("--help").stdout
    assert sidestep().returncode == 0
    assert sidestep("--version").stdout == f"sidestep {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--bogus"], "No such option"),
        (["nonsense"], "No such command"),
        (["audit", "--bogus"], "No such option"),
        (["audit", "-o", "pdf"], "is not one of"),
        (["audit", "--from", "."], "no Kubernetes object"),
        (["audit", "--from", "/none"], "/none: no such file"),
        (["audit", "-A", "-n", "x"], "contradict"),
        (["audit", "--from", ".", "--context", "x"], "give one of them"),
        (["audit", "--from", ".", "-l", "a=b"], "leave one of them out"),
        (["audit", "--from", ".", "--suppress", "nonsense"], "names no finding"),
        (["audit", "--from", ".", "--sidecar-threshold", "-1"], "not in the range"),
        (["audit", "--from", ".", "--prices", "/none"], "/none"),
        (["audit", "--from", ".", "--out", "x.pdf"], "no format has that extension"),
        (["audit", "--from", ".", "--out", "/none/x.json"], "no such folder"),
        (["audit", "--from", ".", "--out", "."], "is a folder"),
        (["audit"], "no kubeconfig"),
        (["audit", "--request-timeout", "soon"], "is no time"),
        (["audit", "--request-timeout", "0"], "is no time"),
        (["snapshot", "--from", ".", "-f", "x.json"], "would not be recognised"),
        (["snapshot", "--from", ".", "-f", "x.sidestep", "--hash-key", "abc"], "no key"),
        (["snapshot", "--from", "."], "Missing option"),
        (["snapshot", "--from", ".", "-f", "/none/x.sidestep"], "check -f"),
        (["snapshot", "--from", ".", "-f", "x.sidestep", "-n", "a"], "leave it out"),
    ],
)
def test_errors_exit_with_1_and_say_what_to_do_on_stderr_alone(arguments, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = sidestep(*arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("threshold", "code"), [("never", 0), ("info", 2), ("warning", 2), ("error", 0), ("blocker", 0)]
)
def test_fail_on_decides_the_exit_code(folder, threshold, code):
    done = sidestep("audit", "--from", folder, "--fail-on", threshold, "-o", "json")
    assert done.returncode == code
    assert '"SID101"' in done.stdout, "the output is there in any case"


def test_findings_alone_do_not_fail(folder):
    assert sidestep("audit", "--from", folder).returncode == 0


@pytest.mark.parametrize(
    ("suppression", "code"),
    [
        ("SID101", 0),
        ("SID101=Namespace portal", 0),
        ("SID101=Namespace p*", 0),
        ("SID101=Namespace other", 2),
        ("SID102", 2),
    ],
)
def test_what_is_suppressed_does_not_fail(folder, suppression, code):
    done = sidestep("audit", "--from", folder, "--fail-on", "warning", "--suppress", suppression)
    assert done.returncode == code


def test_an_annotation_suppresses_too(folder):
    (folder / "portal.yaml").write_text(LABELLED + "  annotations: {sidestep.dev/suppress: SID101}\n")
    assert sidestep("audit", "--from", folder, "--fail-on", "info").returncode == 0


def test_a_partial_answer_is_an_answer_unless_all_of_it_is_required(folder, tmp_path):
    (folder / "broken.yaml").write_text("a: [1\n")
    done = sidestep("audit", "--from", folder)
    assert done.returncode == 0
    assert done.stdout.startswith("PARTIAL: 1 thing could not be read")
    assert "broken.yaml" in done.stderr
    target = tmp_path / "out.json"
    strict = sidestep("audit", "--from", folder, "--require-complete", "--out", target)
    assert strict.returncode == 1
    assert "--require-complete" in strict.stderr
    assert strict.stdout == ""
    assert not target.exists()


def test_data_goes_to_stdout_and_words_to_stderr(folder):
    (folder / "again.yaml").write_text(LABELLED)
    done = sidestep("audit", "--from", folder, "-o", "yaml", "-v")
    assert yaml.safe_load(done.stdout)["kind"] == "Audit"
    assert "stands in" in done.stderr
    assert sidestep("audit", "--from", folder, "-q").stderr == ""


def test_stdin_is_a_source():
    done = sidestep("audit", "--from", "-", "-o", "csv", "--fail-on", "warning", feed=LABELLED)
    assert done.returncode == 2


def test_a_terminal_gets_colours_unless_it_is_asked_not_to_have_them(folder):
    code, shown = on_terminal("audit", "--from", folder)
    assert code == 0
    assert ESCAPE + "33m" in shown, "the warning is yellow"
    for arguments, changes in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        _, shown = on_terminal("audit", "-q", "--from", folder, *arguments, **changes)
        assert ESCAPE not in shown
        assert "SID101" in shown


def test_a_pipe_gets_no_colours_and_120_columns(folder):
    done = sidestep("audit", "--from", folder, FORCE_COLOR="1", TERM="xterm")
    assert ESCAPE not in done.stdout
    narrow = sidestep("audit", "--from", folder, COLUMNS="60").stdout
    assert max(map(len, narrow.splitlines())) <= 60 < max(map(len, done.stdout.splitlines())) <= 120


def test_a_terminal_that_knows_ascii_alone_is_no_reason_to_fail(folder):
    done = sidestep("audit", "--from", folder, "-o", "markdown", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_names_that_are_no_utf8_are_no_reason_to_fail(folder):
    (folder / "portal.yaml").rename(folder / "portal\udcff.yaml")
    for form in ("json", "yaml", "html", "sarif", "junit", "csv", "markdown", "wide"):
        assert sidestep("audit", "--from", folder, "-o", form).returncode == 0


def test_a_reader_that_goes_away_is_no_error(folder):
    command = [PROGRAMS / "sidestep", "audit", "--from", folder, "-o", "html"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_a_full_disk_is_told_as_such(folder):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        command = [PROGRAMS / "sidestep", "audit", "--from", folder]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: stdout: No space left on device\n  to fix: ")


def test_an_interrupted_command_says_one_line_and_exits_with_130():
    command = [PROGRAMS / "sidestep", "audit", "--from", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as process:
        process.stdin.write(b"# long\n" * 100_000)  # returns once more than a pipe holds was read
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read().split() == [b"interrupted"]
        assert process.stdout.read() == b""


def test_a_fault_of_ours_is_one_apology_and_a_traceback_only_on_request(capsys, monkeypatch):
    monkeypatch.delenv(main.DEBUG, raising=False)
    assert main._guarded(lambda: 1 // 0) == 1
    told = capsys.readouterr().err
    assert "a fault in sidestep itself: ZeroDivisionError" in told
    assert "SIDESTEP_DEBUG=1" in told
    monkeypatch.setenv(main.DEBUG, "1")
    with pytest.raises(ZeroDivisionError):
        main._guarded(lambda: 1 // 0)


def test_errors_show_place_and_remedy(capsys):
    def fail():
        raise WorldError("is no mesh", where="a.yaml:3", remedy="write one")

    assert main._guarded(fail) == 1
    assert capsys.readouterr().err == "error: a.yaml:3: is no mesh\n  to fix: write one\n"


def test_verbose_tells_what_is_read_and_nothing_twice(folder):
    lines = sidestep("audit", "--from", folder, "-v").stderr.splitlines()
    assert any(line.startswith("read ") and "portal.yaml" in line for line in lines)
    assert len(lines) == len(set(lines))


def test_secrets_are_skipped_and_counted(folder):
    (folder / "secret.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n"
    )
    done = sidestep("audit", "--from", folder, "-o", "json")
    assert "1 Secret skipped unread" in done.stderr
    assert '"skippedSecrets": 1' in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
