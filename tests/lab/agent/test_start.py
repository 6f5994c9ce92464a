"""An agent starts without what few ask of it: a lab of twenty nodes starts twenty."""

import subprocess
import sys

import pytest

_SEEN = "import sys, sidestep.lab.agent.__main__; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


@pytest.mark.parametrize("library", ["wsproto", "cryptography", "google", "grpc", "yaml"])
def test_libraries_that_take_long_to_load_are_left_until_they_are_needed(library):
    told = subprocess.run([sys.executable, "-c", _SEEN], capture_output=True, text=True, check=True)
    assert library not in told.stdout.split()
