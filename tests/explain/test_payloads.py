"""What a request carries: methods, headers, tokens, and bytes that nobody reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.errors import UsageError
from sidestep.explain.dialled import dialled
from sidestep.explain.payloads import payload_of
from sidestep.explain.question import Question
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.requests import Http, Tcp


def payload(to="cart", **more):
    return payload_of(Question("shop/web", to, **more), dialled(to))[0]


def test_without_anything_it_is_get():
    assert payload() == Http("GET", "/")


def test_the_path_of_the_url_unless_another_is_given():
    assert payload("http://cart/items?a=1").path == "/items?a=1"
    assert payload("http://cart/items", path="/other").path == "/other"


def test_grpc_is_post_with_its_content_type():
    for made in (payload("grpc://cart"), payload(grpc=True)):
        assert (made.method, made.grpc, made.headers) == ("POST", True, {"content-type": "application/grpc"})
    assert payload(grpc=True, headers=("Content-Type: application/grpc+proto",)).headers == {
        "content-type": "application/grpc+proto"
    }


def test_headers_are_lower_case_joined_and_host_is_the_authority():
    made = payload(headers=("X-A: 1", "x-a:2", "Host: pay.example.com"))
    assert made.headers == {"x-a": "1,2"}
    assert made.authority == "pay.example.com"
    assert payload(host="a.b", headers=("host: c.d",)).authority == "a.b"


def test_claims_make_a_valid_token_nested_as_istio_writes_it():
    made = payload(claims=("groups=a", "groups=b", "realm[roles]=admin", "realm[x]=1", "iss=https://i?a=b"))
    assert made.token.state is TokenState.VALID
    assert made.token.claims == {
        "groups": ["a", "b"],
        "realm": {"roles": "admin", "x": "1"},
        "iss": "https://i?a=b",
    }
    assert payload(token="expired").token.state is TokenState.EXPIRED


@pytest.mark.parametrize("more", [{"tcp": True}, {"server_first": True}, {"sni": "x.y"}])
def test_tcp_is_bytes(more):
    made = payload(**more)
    assert isinstance(made, Tcp)
    assert made.server_first is more.get("server_first", False)
    assert made.sni == more.get("sni", "")


def test_https_is_the_clients_own_tls():
    made, notes = payload_of(Question("shop/web", "https://api.example.com/v1"), dialled("https://api.example.com/v1"))
    assert made == Tcp(sni="api.example.com")
    assert "api.example.com" in notes[0]


@pytest.mark.parametrize(
    ("to", "more", "where"),
    [
        ("cart", {"tcp": True, "method": "GET"}, "--method"),
        ("https://x.y", {"headers": ("a: b",)}, "--header"),
        ("tcp://x.y:1", {"token": "valid"}, "--token"),
        ("cart", {"headers": ("no colon",)}, "--header"),
        ("cart", {"headers": ("a b: c",)}, "--header"),
        ("cart", {"claims": ("a",)}, "--claim"),
        ("cart", {"claims": ("a[=b",)}, "--claim"),
        ("cart", {"claims": ("a=b", "a[x]=b")}, "--claim"),
        ("cart", {"claims": ("a[x]=b", "a=b")}, "--claim"),
        ("cart", {"claims": ("a=b",), "token": "none"}, "--claim"),
        ("cart", {"token": "stale"}, "--token"),
        ("cart", {"method": "G E T"}, "--method"),
        ("cart", {"path": "items"}, "--path"),
    ],
)
def test_contradictions_name_the_option(to, more, where):
    with pytest.raises(UsageError) as caught:
        payload(to, **more)
    assert caught.value.where == where
    assert caught.value.remedy


@given(st.lists(st.text(max_size=12), max_size=4), st.lists(st.text(max_size=12), max_size=4), st.text(max_size=9))
def test_any_words_make_a_request_or_are_refused(headers, claims, path):
    try:
        payload(headers=tuple(headers), claims=tuple(claims), path=path)
    except UsageError:
        return
