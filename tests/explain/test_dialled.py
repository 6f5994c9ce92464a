"""What a client dials: every form that people write, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.errors import UsageError
from sidestep.explain.dialled import Dialled, dialled


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cart", Dialled("cart")),
        ("cart:8080", Dialled("cart", 8080)),
        (" Cart ", Dialled("cart")),
        ("shop/cart", Dialled("cart", namespace="shop")),
        ("shop/cart:80", Dialled("cart", 80, "shop")),
        ("cart.shop.svc.cluster.local", Dialled("cart.shop.svc.cluster.local")),
        ("cart.shop:80/items?a=1", Dialled("cart.shop", 80, path="/items?a=1")),
        ("10.0.0.7", Dialled("10.0.0.7")),
        ("10.0.0.7:80", Dialled("10.0.0.7", 80)),
        ("::1", Dialled("::1")),
        ("[fd00::7]:80", Dialled("fd00::7", 80)),
        ("[fd00::7]", Dialled("fd00::7")),
        ("http://cart", Dialled("cart", scheme="http")),
        ("http://cart?x", Dialled("cart", path="/?x", scheme="http")),
        ("HTTPS://user:pw@api.example.com/v1#top", Dialled("api.example.com", path="/v1", scheme="https")),
        ("http://[fd00::7]:8080/x", Dialled("fd00::7", 8080, path="/x", scheme="http")),
        ("grpc://cart:9090", Dialled("cart", 9090, scheme="grpc")),
        ("tcp://db:5432", Dialled("db", 5432, scheme="tcp")),
    ],
)
def test_every_form(text, expected):
    assert dialled(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no host"),
        ("a/b/c", "no destination"),
        ("cart:0", "no port"),
        ("cart:99999", "no port"),
        ("cart:http", "no port"),
        ("cart:", "no port"),
        ("ftp://cart", "no scheme"),
        ("http://", "no host"),
        ("car t", "no host"),
        ("cart;rm -rf", "no host"),
        ("[fd00::7", "no host"),
        ("shop/", "no host"),
    ],
)
def test_what_is_refused_says_what_to_write(text, told):
    with pytest.raises(UsageError, match=told) as caught:
        dialled(text)
    assert caught.value.where == "--to"
    assert caught.value.remedy


def test_who_sees_nothing_of_http():
    assert dialled("https://x.y").encrypted
    assert dialled("tcp://x.y").opaque
    assert not dialled("tcp://x.y").encrypted
    assert not dialled("http://x.y").opaque
    assert dialled("grpc://x.y").is_grpc


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        found = dialled(text)
    except UsageError:
        return
    assert found.host
    assert found.port is None or 0 < found.port < 65536
    assert not found.path or found.path.startswith("/")
