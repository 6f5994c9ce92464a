"""What `make` says to who may not run the Python that somebody else set up."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from tests.support.lab import ROOT

_NOBODY = 65534


@pytest.fixture
def environment():
    """A folder as of an environment whose Python others may not run."""
    place = Path(tempfile.mkdtemp(prefix="sidestep-venv-"))
    (place / "bin").mkdir()
    (place / "bin/python").write_text("")
    place.chmod(0o555)
    yield place
    place.chmod(0o755)
    shutil.rmtree(place)


def made(*words):
    """What an ordinary user's make would do, or says."""
    if shutil.which("make") is None:
        pytest.skip("make is not here")
    if not os.access(ROOT, os.R_OK | os.X_OK) or any(not each.stat().st_mode & 0o001 for each in ROOT.parents):
        pytest.skip("an ordinary user cannot read our code")
    other = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(
        ["make", "--dry-run", "--directory", ROOT, *words], capture_output=True, text=True, check=False, **other
    )


def test_who_may_not_run_its_python_is_told_so_and_what_to_do(environment):
    told = made("demo", f"VENV={environment}")
    assert told.returncode
    assert f"you may not run the Python of {environment}" in told.stderr
    assert "`make demo VENV=" in told.stderr


def test_help_is_for_everybody(environment):
    assert made("help", f"VENV={environment}").returncode == 0


def test_where_there_is_none_yet_one_is_made(environment):
    assert "-m venv" in made("setup", f"VENV={environment}/none").stdout
