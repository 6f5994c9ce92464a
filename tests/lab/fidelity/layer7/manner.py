"""Decisions about requests."""

from tests.lab.fidelity.layer7.compare import differs, expected
from tests.lab.fidelity.layer7.meshes import case
from tests.lab.fidelity.run import Manner

PER_MESH = 400
REQUESTS_BY_CHANCE = Manner(case, expected, differs, PER_MESH)
