"""What the cluster's DNS server answers, by Kubernetes' specification of it."""

import pytest

from sidestep.lab.dns.answers import Answer
from sidestep.lab.dns.cluster import cluster_answer
from sidestep.lab.dns.names import Endpoint, Name, NamedPort, Source, Target
from sidestep.lab.dns.table import NameTable

ZONE = "shop.svc.cluster.local"
WEB = Name(
    f"web.{ZONE}",
    "shop",
    addresses=("10.96.0.1", "fd00::1"),
    ports=(NamedPort("http", 80), NamedPort("dns", 53, "UDP")),
)
DB = Name(
    f"db.{ZONE}",
    "shop",
    target=Target.ENDPOINTS,
    endpoints=(
        Endpoint(("10.244.0.5",), "db-0"),
        Endpoint(("10.244.0.6", "fd00::6")),
        Endpoint(("10.244.0.7",), "db-2", ready=False),
    ),
    ports=(NamedPort("sql", 3306),),
)
EMPTY = Name(f"empty.{ZONE}", "shop", target=Target.ENDPOINTS)
ALIAS = Name(f"alias.{ZONE}", "shop", target=Target.ALIAS, alias=f"web.{ZONE}")
ABROAD = Name(f"abroad.{ZONE}", "shop", target=Target.ALIAS, alias="api.example.com")
LOOP = Name(f"loop.{ZONE}", "shop", target=Target.ALIAS, alias=f"loop.{ZONE}")
ENTRY = Name("entry.example.org", "shop", Source.ENTRY, addresses=("240.240.0.1",))
OUTSIDE = Name("api.example.com", source=Source.OUTSIDE, addresses=("203.0.113.5",))
STAR = Name("*.example.net", source=Source.OUTSIDE, addresses=("203.0.113.6",))


@pytest.fixture(name="table")
def _table() -> NameTable:
    table = NameTable()
    table.apply((WEB, DB, EMPTY, ALIAS, ABROAD, LOOP, ENTRY, OUTSIDE, STAR), ())
    return table


def data(answer: Answer) -> list[str]:
    return [f"{each.kind} {each.data}" for each in answer.records]


@pytest.mark.parametrize(
    ("host", "kind", "expected"),
    [
        (f"web.{ZONE}", "A", ["A 10.96.0.1"]),
        (f"WEB.{ZONE}", "A", ["A 10.96.0.1"]),
        (f"web.{ZONE}", "AAAA", ["AAAA fd00::1"]),
        (f"web.{ZONE}", "TXT", []),
        (f"db.{ZONE}", "A", ["A 10.244.0.5", "A 10.244.0.6"]),
        (f"db-0.db.{ZONE}", "A", ["A 10.244.0.5"]),
        (f"10-244-0-6.db.{ZONE}", "A", ["A 10.244.0.6"]),
        (f"db-0.db.{ZONE}", "AAAA", []),
        (f"_http._tcp.web.{ZONE}", "SRV", [f"SRV 0 100 80 web.{ZONE}."]),
        (f"_sql._tcp.db.{ZONE}", "SRV", [f"SRV 0 100 3306 db-0.db.{ZONE}.", f"SRV 0 100 3306 10-244-0-6.db.{ZONE}."]),
        (f"alias.{ZONE}", "A", [f"CNAME web.{ZONE}.", "A 10.96.0.1"]),
        (f"alias.{ZONE}", "CNAME", [f"CNAME web.{ZONE}."]),
        (f"abroad.{ZONE}", "A", ["CNAME api.example.com.", "A 203.0.113.5"]),
        ("10-244-0-9.shop.pod.cluster.local", "A", ["A 10.244.0.9"]),
        ("1.0.96.10.in-addr.arpa", "PTR", [f"PTR web.{ZONE}."]),
        ("5.0.244.10.in-addr.arpa", "PTR", [f"PTR db-0.db.{ZONE}."]),
        ("api.example.com", "A", ["A 203.0.113.5"]),
        ("a.example.net", "A", ["A 203.0.113.6"]),
        ("example.net", "A", []),
    ],
)
def test_answers(table, host, kind, expected):
    assert data(cluster_answer(table, host, kind)) == expected


@pytest.mark.parametrize(
    "host",
    [
        f"nobody.{ZONE}",
        f"db-2.db.{ZONE}",
        f"db-9.db.{ZONE}",
        f"x.web.{ZONE}",
        f"empty.{ZONE}",
        f"_none._tcp.web.{ZONE}",
        f"_http._udp.web.{ZONE}",
        "web",
        "web.shop",
        "entry.example.org",
        "9.9.96.10.in-addr.arpa",
        "nonsense.in-addr.arpa",
        "x.shop.pod.cluster.local",
    ],
)
def test_names_that_do_not_exist(table, host):
    answer = cluster_answer(table, host, "A" if not host.startswith("_") else "SRV")
    assert (answer.code, answer.records) == ("NXDOMAIN", ())


def test_a_name_that_exists_without_this_kind_is_no_error_and_may_be_kept(table):
    answer = cluster_answer(table, f"web.{ZONE}", "MX")
    assert (answer.code, answer.records, answer.zone) == ("NOERROR", (), "cluster.local")


def test_a_name_above_others_exists(table):
    assert cluster_answer(table, ZONE, "A").code == "NOERROR"


def test_an_alias_of_itself_ends(table):
    assert all(each.kind == "CNAME" for each in cluster_answer(table, f"loop.{ZONE}", "A").records)


def test_a_service_record_carries_the_addresses(table):
    answer = cluster_answer(table, f"_http._tcp.web.{ZONE}", "SRV")
    assert [each.data for each in answer.additional] == ["10.96.0.1", "fd00::1"]


def test_the_table_forgets(table):
    table.apply((), (WEB.key, DB.key))
    assert cluster_answer(table, f"web.{ZONE}", "A").code == "NXDOMAIN"
    assert list(table.at("10.244.0.5")) == []


def test_a_name_that_changes_leaves_nothing_behind(table):
    table.apply((Name(WEB.host, "shop", addresses=("10.96.0.9",)),), ())
    assert data(cluster_answer(table, WEB.host, "A")) == ["A 10.96.0.9"]
    assert list(table.at("10.96.0.1")) == []
