"""`sidestep audit`: formats, files, money."""

import json
import os
import stat

import pytest
from tests.support.commands import LABELLED, sidestep

from sidestep.cli.output import write_whole
from sidestep.errors import WorldError
from sidestep.report.formats import FORMATS


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "portal.yaml").write_text(LABELLED)
    return tmp_path / "repo"


@pytest.mark.parametrize("made", FORMATS, ids=lambda made: made.name)
def test_every_format_is_printed_and_written_alike(folder, tmp_path, made):
    printed = sidestep("audit", "--from", folder, "-o", made.name)
    target = tmp_path / "out"
    written = sidestep("audit", "--from", folder, "-o", made.name, "--out", target)
    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    length = len(printed.stdout)
    assert length == len(target.read_text()) > 0, "but for the second of the day, the same"


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.html", "<!doctype html>"), ("a.sarif", "{\n"), ("a.xml", "<?xml"), ("a.md", "# "), ("a", "Source")],
)
def test_the_extension_chooses_the_format(folder, tmp_path, name, start):
    sidestep("audit", "--from", folder, "--out", tmp_path / name)
    assert (tmp_path / name).read_text().startswith(start)


def test_o_wins_over_the_extension(folder, tmp_path):
    sidestep("audit", "--from", folder, "-o", "json", "--out", tmp_path / "a.txt")
    assert json.loads((tmp_path / "a.txt").read_text())["kind"] == "Audit"


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(folder, tmp_path):
    out = tmp_path / "results"
    out.mkdir()
    (out / "a.json").write_text("old")
    assert sidestep("audit", "--from", folder, "--out", out / "a.json").returncode == 0
    assert os.listdir(out) == ["a.json"]  # noqa: PTH208 - hidden files too
    assert json.loads((out / "a.json").read_text())
    assert stat.S_IMODE((out / "a.json").stat().st_mode) == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failure_leaves_the_file_as_it_was(tmp_path):
    target = tmp_path / "a.json"
    target.write_text("old")
    (tmp_path / "bad.yaml").write_text("a: [1\n")
    assert sidestep("audit", "--from", tmp_path / "none", "--out", target).returncode == 1
    assert sidestep("audit", "--from", tmp_path / "bad.yaml", "--require-complete", "--out", target).returncode == 1
    assert target.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.json", "bad.yaml"]  # noqa: PTH208 - hidden files too


def test_a_write_that_breaks_in_the_middle_leaves_nothing(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorldError, match="No space left"):
        write_whole(tmp_path / "a.json", b"{}")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - hidden files too


def test_explained_cost_follows_the_table_and_never_mixes_with_data(folder):
    table = sidestep("audit", "--from", folder, "--explain-cost")
    assert "totals.monthly.requested = " in table.stdout
    data = sidestep("audit", "--from", folder, "--explain-cost", "-o", "json")
    assert json.loads(data.stdout)
    assert "totals.monthly.requested = " in data.stderr


def test_only_the_namespaces_that_are_asked_for(folder):
    (folder / "other.yaml").write_text(LABELLED.replace("portal", "other"))
    done = sidestep("audit", "--from", folder, "-n", "other", "-o", "json")
    assert [row["namespace"] for row in json.loads(done.stdout)["namespaces"]] == ["other"]


def test_several_sources_are_one_mesh(folder, tmp_path):
    (tmp_path / "more.yaml").write_text(LABELLED.replace("portal", "other"))
    done = sidestep("audit", "--from", folder, "--from", tmp_path / "more.yaml", "-o", "json")
    assert {row["namespace"] for row in json.loads(done.stdout)["namespaces"]} == {"other", "portal"}


def test_measurements_that_were_asked_for_and_not_had_make_the_answer_partial(folder):
    asked = ("audit", "--from", folder, "--prometheus", "http://127.0.0.1:9")
    done = sidestep(*asked)
    assert done.returncode == 0
    assert done.stdout.startswith("PARTIAL: 1 thing could not be read\n  prometheus (http://127.0.0.1:9): unreachable")
    tree = json.loads(sidestep(*asked, "-o", "json").stdout)
    assert tree["source"]["complete"] is False
    assert tree["telemetry"]["missing"] == tree["source"]["missing"]
    assert sidestep(*asked, "--require-complete").returncode == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--window", "soon"], "--window"),
        (["--prometheus-header", "x"], "header"),
        (["--prometheus", "ftp://x"], "no URL"),
    ],
)
def test_what_is_wrong_about_prometheus_is_told_before_a_mesh_is_read(wrong, told, tmp_path):
    done = sidestep("audit", "--from", tmp_path / "absent", "--prometheus", "http://127.0.0.1:9", *wrong)
    assert done.returncode == 1
    assert told in done.stderr
    assert "absent" not in done.stderr
