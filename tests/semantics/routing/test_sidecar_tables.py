"""Everything that a sidecar may do, written down, is what it does when it is asked request by request."""

import random

import pytest
from tests.semantics.routing.meshes import DETAILS, RATINGS, REVIEWS, WEB, routing, vs

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.hosts import is_wildcard, within
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.outcome import default_http, not_taken, taken

PORT, CASES, SEED = 9080, 300, 20261121
HOSTS = [
    "reviews",
    "reviews.shop.svc.cluster.local",
    "ratings",
    "other.example",
    "*.example",
    "*",
    "*.svc.cluster.local",
]
ASKED = ["reviews", "reviews.shop", "reviews.shop.svc.cluster.local.", "ratings", "details.shop.svc", "other.example",
         "a.example", "a.b.example", "nobody", "reviews:9080", "REVIEWS"]  # fmt: skip
PATHS = ["/", "/a", "/b"]


def mesh(number):
    dice = random.Random(SEED + number)  # noqa: S311
    objects = []
    for at in range(dice.randint(0, 3)):
        rules = [
            {"match": [{"uri": {"prefix": dice.choice(PATHS)}}],
             "route": [{"destination": {"host": dice.choice(["ratings", "details", "gone"]), "port": {"number": PORT}}}]}
            for _ in range(dice.randint(1, 2))
        ]  # fmt: skip
        hosts = dice.sample(HOSTS, dice.randint(1, 2))
        objects.append(vs(f"r{at}", {"hosts": hosts, "http": rules}))
    return routing(*objects)


def answered(table, authority, http):
    """What the table says of a request: the exact name, or else the longest star."""
    name = authority.lower().partition(":")[0]
    every = [(each, host) for host in table.http for each in host.names]
    fitting = [(each, host) for each, host in every if each == name or (is_wildcard(each) and within(name, each))]
    if not fitting:
        return None
    _, host = min(fitting, key=lambda found: (is_wildcard(found[0]), -len(found[0])))
    if host.entries is None:
        return default_http(host.service.name, PORT, table.reach)
    vantage = Vantage(PORT, WEB.namespace, WEB.labels)
    return taken(host.entries, vantage, http, table.reach) or not_taken(host.entries, vantage)


@pytest.mark.parametrize("block", range(10))
def test_a_request_is_answered_alike(block):
    for number in range(block, CASES, 10):
        made = mesh(number)
        (table,) = [each for each in made.sidecar_tables(WEB) if each.port == PORT]
        for authority in ASKED:
            for path in PATHS:
                http = HttpSeen("GET", path, authority, {})
                single = made.sidecar_http(WEB, None, authority, PORT, http)
                whole = answered(table, authority, http)
                if whole is None:
                    assert single.source.value == "passthrough", (number, authority, path)
                else:
                    assert whole == single, (number, authority, path)


def test_no_name_is_answered_twice():
    for number in range(CASES):
        for table in mesh(number).sidecar_tables(WEB):
            names = [name for host in table.http or () for name in host.names]
            assert len(names) == len(set(names)), number


def test_what_a_port_does_not_declare_is_known_by_its_service_alone():
    tables = {each.port: each for each in routing().sidecar_tables(WEB)}
    assert {host.service.name for host in tables[PORT].http} >= {each.name for each in (DETAILS, RATINGS, REVIEWS)}
