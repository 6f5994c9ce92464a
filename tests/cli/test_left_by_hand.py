"""What a repository means while a part of its conversion is still to be done by hand."""

from pathlib import Path

import pytest
from tests.support.commands import sidestep
from tests.support.kustomized import contents

from sidestep.cli.conversions import Read, Reader, make
from sidestep.cli.left_by_hand import proof_without, warning
from sidestep.model.metadata import ObjectId
from sidestep.prove.proof import Direction
from sidestep.sources.files import FilesSource

SHOP = Path(__file__).parents[2] / "docs" / "examples" / "shop.yaml"
TWIN = ObjectId("security.istio.io/v1", "AuthorizationPolicy", "shop", "orders-orders-guard")
WEB = ObjectId("apps/v1", "Deployment", "shop", "web")
ROUTE = """\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: orders, namespace: shop}
spec:
  hosts: [orders]
  http: [{timeout: 5s, route: [{destination: {host: orders}}]}]
"""


@pytest.fixture(scope="module")
def made():
    return make(FilesSource([str(SHOP)]).read(), None, "late", Reader(), Read())


def test_who_would_get_in_until_the_rest_is_done_is_found(made):
    proof = proof_without(made, [TWIN], 20_000, 1)
    assert {each.direction for each in proof.counterexamples} == {Direction.OPEN}
    assert "admitted though refused today" in warning(proof)


def test_what_changes_nothing_by_itself_is_not_warned_of(made):
    assert not warning(proof_without(made, [WEB], 20_000, 1))


def test_what_is_routed_otherwise_until_then_is_told(tmp_path):
    text = SHOP.read_text() + ROUTE
    web, orders = text.split("---\n")[1:4], text.split("---\n")[:1] + text.split("---\n")[4:]
    (tmp_path / "web.yaml").write_text("---\n".join(web))
    (tmp_path / "orders.yaml").write_text("---\n".join(orders))
    (tmp_path / "service.yaml").write_text(next(each for each in orders if "kind: Service\n" in each))
    before = contents(tmp_path)
    done = sidestep("convert", "--from", tmp_path, "--in-place")
    assert done.returncode == 2, done.stderr
    assert "note: until the rest is done by hand, requests are routed otherwise on" in done.stderr
    assert contents(tmp_path)["service.yaml"] == before["service.yaml"]
