"""Objects of a kind, by the thousand: in pieces that states share, or copied, they are the same."""

import pytest
from tests.plan.test_no_gaps import GRAPH, SCENES
from tests.support.scenes import index

from sidestep.actions.in_memory import object_table
from sidestep.actions.memory import states
from sidestep.model.in_order import Pieces
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.sources.prices import load_prices


@pytest.mark.parametrize("name", SCENES)
def test_pieces_hold_what_copies_would(name, monkeypatch):
    mesh = index(*SCENES[name]).mesh.in_order
    plan = make_plan(PlanRequest(mesh, load_prices(None), graph=GRAPH))
    copied = [dict(found.resources) for _, found in states(plan, mesh)]
    monkeypatch.setattr(object_table, "_MANY", 0)
    shared = [dict(found.resources) for _, found in states(plan, mesh)]
    assert shared == copied
    assert any(isinstance(each, Pieces) for found in shared for each in found.values())
    assert not any(isinstance(each, Pieces) for found in copied for each in found.values())
