"""Help fits a terminal of eighty columns, and names what may be written."""

import re

import pytest
from tests.support.commands import sidestep


@pytest.mark.parametrize("verb", ["audit", "explain", "plan", "convert", "prove", "snapshot", "rbac", "rehearse"])
def test_help_fits_eighty_columns(verb):
    told = sidestep(verb, "--help", COLUMNS="80").stdout
    assert not [line for line in told.splitlines() if len(line) > 80]


def test_all_that_need_not_be_taken_for_granted_is_described():
    told = " ".join(sidestep("prove", "--help", COLUMNS="200").stdout.split())
    choices = re.search(r"--strict \[([a-z|]+)\]", told)
    assert choices
    described = told.partition("Do not take for granted: ")[2].partition("Repeatable")[0]
    assert all(each in described for each in choices[1].split("|"))
