"""Where labs keep their files: always the same place, and in words where that cannot be."""

import os
from pathlib import Path

import pytest

from sidestep.errors import WorldError
from sidestep.lab.machine.scratch import Scratch, home

NOWHERE = "/proc/nowhere"
"""A folder that not even root can make."""


def test_it_is_where_the_environment_says_even_if_nothing_can_be_written_there(monkeypatch, tmp_path):
    own = f"sidestep-{os.getuid()}"
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    for told, base in ((NOWHERE, NOWHERE), ("", "/tmp"), ("here", f"{tmp_path}/here")):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TMPDIR", told)
        assert home("mine") == Path(base) / own / "mine"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert home("mine") == Path("/run/user/7/sidestep/mine")


@pytest.mark.parametrize("setting", ["TMPDIR", "XDG_RUNTIME_DIR"])
def test_what_cannot_be_made_is_said_with_the_setting_that_names_it(monkeypatch, setting):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv(setting, NOWHERE)
    with pytest.raises(WorldError, match=f"{NOWHERE}.*\n.*name another folder with {setting}"):
        Scratch(home("mine")).make()
