"""What a mesh knows of what it does not hold."""

import pytest
from tests.support.mesh import mesh

from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import AUTOSCALER, GATEWAY
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind


@pytest.mark.parametrize(
    ("reason", "lacks"),
    [(GapReason.FORBIDDEN, True), (GapReason.TIMEOUT, True), (GapReason.MALFORMED, True), (GapReason.ABSENT, False)],
)
def test_a_kind_that_is_not_served_has_no_objects_to_lack(reason, lacks):
    found = mesh(gaps=(Gap(GATEWAY.key, reason),))
    assert found.lacks(GATEWAY) is lacks
    assert found.lacks(AUTOSCALER, GATEWAY) is lacks
    assert not found.lacks(AUTOSCALER)


def test_namespaces_that_were_not_asked_for_are_not_covered():
    assert mesh().covers("shop")
    narrow = Mesh(SourceInfo(SourceKind.CLUSTER, "test", namespaces=("shop",)))
    assert narrow.covers("shop")
    assert not narrow.covers("infra")
