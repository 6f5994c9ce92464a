"""Where a request goes: names as a client's resolver reads them, and the port where none is written."""

import pytest
from tests.support.scenes import index, pods, service

from sidestep.errors import UsageError
from sidestep.explain.destinations import destination, same_destination
from sidestep.explain.dialled import dialled


def scene(*more):
    return index(
        pods("web"),
        pods("cart", ip="10.1.0.7", ports=(8080,)),
        pods("many", ip="10.1.0.8", ports=(8080, 9090)),
        service("cart"),
        service("many", more_ports=({"name": "http-admin", "port": 8081}, {"name": "tcp", "port": 5432})),
        service("two", port=8080, more_ports=({"name": "tcp", "port": 5432},)),
        service("talk", port=8080, more_ports=({"name": "http-b", "port": 8081},)),
        service("names", port=53, more_ports=({"name": "dns", "port": 54, "protocol": "UDP"},)),
        service("cart", space="other", vip="10.96.9.9"),
        service("lone", space="other"),
        *more,
    )


def reached(text, namespace="shop", port=None, *, reads_http=True):
    found = destination(scene(), dialled(text), namespace, port, reads_http=reads_http)
    return found.host, found.port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cart", ("cart", 80)),
        ("cart.other", ("cart.other", 80)),
        ("shop/cart", ("cart.shop.svc.cluster.local", 80)),
        ("cart:81", ("cart", 81)),
        ("many", ("many", 80)),
        ("two", ("two", 8080)),
        ("names", ("names", 53)),
        ("10.1.0.7", ("10.1.0.7", 8080)),
        ("api.example.com", ("api.example.com", 80)),
        ("https://api.example.com", ("api.example.com", 443)),
    ],
)
def test_names_and_ports(text, expected):
    assert reached(text) == expected


def test_the_option_wins_over_the_url():
    assert reached("cart:81", port=82) == ("cart", 82)


def test_from_outside_a_short_name_must_be_the_only_one():
    assert reached("lone", "") == ("lone.other.svc.cluster.local", 80)
    with pytest.raises(UsageError, match="several") as caught:
        reached("cart", "")
    assert "cart.other.svc.cluster.local, cart.shop.svc.cluster.local" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "namespace", "told"),
    [
        ("crt", "shop", "cart"),
        ("lone", "shop", "other/lone"),
        ("shop/crt", "shop", "cart"),
        ("shp/cart", "shop", "shop"),
        ("crt.shop", "shop", "cart"),
        ("crt.shop.svc", "web", "cart"),
        ("crt", "", "shop/cart"),
    ],
)
def test_a_service_that_is_not_there_is_a_slip(text, namespace, told):
    with pytest.raises(UsageError) as caught:
        reached(text, namespace)
    assert caught.value.where == "--to"
    assert told in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "reads_http", "told"),
    [
        ("talk", True, "8080 (http, HTTP), 8081 (http-b, HTTP)"),
        ("two", False, "5432"),
        ("10.1.0.8", True, "8080, 9090"),
        ("api.example.com", False, "--port"),
    ],
)
def test_a_port_that_cannot_be_told_lists_what_there_is(text, reads_http, told):
    with pytest.raises(UsageError) as caught:
        reached(text, reads_http=reads_http)
    assert told in caught.value.remedy


def test_something_outside_is_said():
    found = destination(scene(), dialled("198.51.100.1:443"), "shop", None, reads_http=True)
    assert found.notes == ("the mesh knows no 198.51.100.1: it is taken for something outside",)
    assert destination(scene(), dialled("cart"), "shop", None, reads_http=True).notes == ()


def test_an_address_of_a_pod_that_will_be_made_anew_leads_to_its_successor():
    today, then = index(pods("cart", ip="10.1.0.7")), index(pods("cart", "ambient", ip="10.1.0.99"))
    host, note = same_destination(today, then, "10.1.0.7")
    assert host == "10.1.0.99"
    assert "Deployment shop/cart" in note
    assert same_destination(today, then, "cart") == ("cart", "")
    assert same_destination(today, today, "10.1.0.7") == ("10.1.0.7", "")
    assert same_destination(today, index(pods("web")), "10.1.0.7")[0] == "10.1.0.7"
