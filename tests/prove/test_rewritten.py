"""Rewrites by expressions: as those of a prefix, where they are such; else nothing is proved that no request shows."""

import pytest
from tests.prove.by_hand import people
from tests.prove.routes_by_hand import WEB, said, under
from tests.support.scenes import index

from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import prove

EQUAL, DIFFERS, UNDECIDED = Conclusion


def mesh(**rewrite):
    return index(*people(), said({**under({"prefix": "/a"}, WEB), "rewrite": rewrite}))


def by(match, into):
    return mesh(uriRegexRewrite={"match": match, "rewrite": into})


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (mesh(uri="/b"), by("^/a", "/b"), EQUAL),
        (mesh(uri="/b"), by("/a(.*)", r"/b\1"), EQUAL),
        (mesh(uri="/b"), by("^/a(.*)$", r"/b\1"), EQUAL),
        (mesh(uri="/b"), by("^/a(.*)$", r"/c\1"), DIFFERS),
        (mesh(uri="/b"), by("/a", "/b"), DIFFERS),
        (by("/(.*)a", r"/b\1"), by("/(.*)a", r"/b\1"), EQUAL),
        (by("/([a-z]+)x", r"/b\1"), by("/([a-y]+)x", r"/b\1"), UNDECIDED),
    ],
)
def test_expressions(one, other, verdict):
    assert prove(one, other).verdict is verdict
    assert prove(other, one).verdict is verdict
