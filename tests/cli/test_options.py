"""Options that need reading."""

import click
import pytest

from sidestep.cli.options import Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("30s", 30.0),
        ("0.5", 0.5),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1m30s", 90.0),
        ("1h", 3600.0),
        ("1h1m1s1ms", 3661.001),
    ],
)
def test_times_are_read_as_kubectl_reads_them(text, seconds):
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1", "1d", "s", "1s1m", "1h30", ".", "nan", "1e9", "9" * 400, " 1"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(click.BadParameter, match="is no time above zero"):
        Duration().convert(text, None, None)
