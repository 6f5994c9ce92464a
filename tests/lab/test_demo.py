"""A handful of differences shown by packets, each as foretold; `make differences` shows all."""

import json

import pytest
from tests.support.lab_command import shell

pytestmark = pytest.mark.real

FEW = ("D06", "D16", "D24", "D28", "D31", "D33", "D36", "D46", "D51", "D56")
"""Mostly those that open; some with a waypoint, and one about connections that are open."""
ALIKE = "a policy by selector is new: what is open stays open"
"""The half of D16 in which ambient is as sidecars are."""
VERDICTS = {
    ("D06", "everybody gets in"): ("403", "200 by shop/cart"),
    ("D16", "a policy by selector changes"): ("goes on", "is cut"),
    ("D16", "the namespace gets a policy"): ("goes on", "is cut"),
    ("D16", ALIKE): ("goes on", "goes on"),
    ("D24", "a policy for pods of the waypoint's team"): ("200 by shop/cart", "reset"),
    ("D36", "a server outside that takes TLS alone"): ("200 by outside/bank", "reset"),
    ("D28", "a STRICT port of a PERMISSIVE workload"): ("reset", "200 by shop/cart"),
    ("D28", "a PERMISSIVE port opens the others"): ("reset", "200 by shop/cart"),
    ("D31", "the client moves before the server was restarted, under STRICT"): ("200 by shop/cart", "reset"),
    ("D31", "and without STRICT its identity is lost"): ("200 by shop/cart", "403"),
    ("D46", "an address that the mesh does not know"): ("reset", "200 by outside/stranger"),
    ("D51", "a client that still has a sidecar"): ("403", "200 by shop/cart"),
}


@pytest.fixture(scope="module")
def shown():
    with shell() as user:
        done = user.run("demo", *FEW, "-o", "json", "-q")
        assert done.returncode == 0, done.stdout + done.stderr
        assert user.left() == []
        return json.loads(done.stdout)["shown"]


def test_packets_do_what_was_foretold_and_another_thing_with_sidecars_than_in_ambient(shown):
    assert {each["code"] for each in shown} == set(FEW)
    for each in shown:
        sides = each["sidecars"], each["ambient"]
        assert all(side["disagreements"] == [] for side in sides), each
        differ = (sides[0]["seen"], sides[0]["got"]) != (sides[1]["seen"], sides[1]["got"])
        assert differ is (each["scene"] != ALIKE), each


def ended(side):
    """A connection that ends without an answer is told as reset or closed, as it happens."""
    return side["seen"].replace("closed", "reset")


def test_who_was_let_in(shown):
    seen = {(each["code"], each["scene"]): (ended(each["sidecars"]), ended(each["ambient"])) for each in shown}
    assert {key: seen[key] for key in VERDICTS} == VERDICTS


def test_what_the_application_got(shown):
    got = {each["scene"]: (each["sidecars"]["got"], each["ambient"]["got"]) for each in shown}
    assert got["the application gets the path as the client wrote it"][1] == ["path /public/../admin"]
    assert got["the application gets the path as the client wrote it"][0][0] == "path /admin"
    forged = got["anybody may write the header now"]
    assert "x-forwarded-client-cert: URI=spiffe://cluster.local/ns/shop/sa/admin" in forged[1]
    assert not any("admin" in each for each in forged[0])
