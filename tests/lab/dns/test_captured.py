"""What a captured pod is answered by its node (ztunnel.md §6.8)."""

import pytest

from sidestep.lab.dns.captured import candidates, captured_answer
from sidestep.lab.dns.names import Endpoint, Name, Source, Target
from sidestep.lab.dns.table import NameTable

SVC = "svc.cluster.local"
NAMES = (
    Name(f"web.shop.{SVC}", "shop", addresses=("10.96.0.1",)),
    Name(f"web.other.{SVC}", "other", addresses=("10.96.0.2",)),
    Name(f"db.shop.{SVC}", "shop", target=Target.ENDPOINTS, endpoints=(Endpoint(("10.244.0.5",), "db-0"),)),
    Name(f"alias.shop.{SVC}", "shop", target=Target.ALIAS, alias="api.example.com"),
    Name("api.example.com", "shop", Source.ENTRY, addresses=("240.240.0.1",), canonical=False),
    Name("*.example.com", "shop", Source.ENTRY, addresses=("240.240.0.2",), canonical=False),
    Name(
        "none.example.org",
        "shop",
        Source.ENTRY,
        target=Target.ENDPOINTS,
        endpoints=(Endpoint(("1.2.3.4",)),),
        canonical=False,
    ),
    Name("hidden.test", "other", Source.ENTRY, addresses=("240.240.0.3",), exported_to=(".",), canonical=False),
    Name(f"web.shop.{SVC}", "intruder", Source.ENTRY, addresses=("240.240.0.4",), canonical=False),
    Name("both.test", "a", Source.ENTRY, addresses=("240.240.0.5",), canonical=False),
    Name("both.test", "shop", Source.ENTRY, addresses=("240.240.0.6",), canonical=False),
    Name("world.test", source=Source.OUTSIDE, addresses=("203.0.113.1",)),
)


def ask(host, kind="A", namespace="shop"):
    table = NameTable()
    table.apply(NAMES, ())
    answer = captured_answer(table, host, kind, namespace)
    return None if answer is None else [f"{each.kind} {each.data}" for each in answer.records]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (f"web.shop.{SVC}", ["A 10.96.0.1"]),
        ("web.shop.svc", [f"CNAME web.shop.{SVC}.", "A 10.96.0.1"]),
        ("web.shop", [f"CNAME web.shop.{SVC}.", "A 10.96.0.1"]),
        ("web", [f"CNAME web.shop.{SVC}.", "A 10.96.0.1"]),
        ("web.other", [f"CNAME web.other.{SVC}.", "A 10.96.0.2"]),
        (f"db.shop.{SVC}", ["A 10.244.0.5"]),
        ("api.example.com", ["A 240.240.0.1"]),
        (f"api.example.com.shop.{SVC}", ["CNAME api.example.com.", "A 240.240.0.1"]),
        ("x.example.com", ["A 240.240.0.2"]),
        ("x.y.example.com", ["A 240.240.0.2"]),
        ("both.test", ["A 240.240.0.6"]),
    ],
)
def test_it_answers_services_and_entries_itself(host, expected):
    assert ask(host) == expected


@pytest.mark.parametrize(
    "host",
    [
        f"db-0.db.shop.{SVC}",
        f"alias.shop.{SVC}",
        "none.example.org",
        "hidden.test",
        "world.test",
        "example.com",
        f"nobody.shop.{SVC}",
    ],
)
def test_all_else_goes_on_to_the_clusters_server(host):
    assert ask(host) is None


def test_only_addresses_are_answered():
    assert [ask("web", kind) for kind in ("SRV", "PTR", "TXT", "MX")] == [None] * 4


def test_a_family_that_a_name_does_not_have_is_answered_with_nothing():
    assert ask(f"web.shop.{SVC}", "AAAA") == []


def test_what_is_exported_to_its_own_namespace_is_seen_there():
    assert ask("hidden.test", namespace="other") == ["A 240.240.0.3"]


def test_short_names_are_read_in_the_clients_namespace():
    assert ask("web", namespace="other") == [f"CNAME web.other.{SVC}.", "A 10.96.0.2"]


def test_an_entry_of_a_services_host_wins_in_its_own_namespace_only():
    assert ask(f"web.shop.{SVC}", namespace="third") == ["A 10.96.0.1"]
    assert ask(f"web.shop.{SVC}", namespace="intruder") == ["A 240.240.0.4"]


def test_the_name_itself_comes_first():
    assert candidates("a.b", "shop", "cluster.local")[0] == "a.b"
