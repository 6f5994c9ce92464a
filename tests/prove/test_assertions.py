"""Sentences that invariants are written in."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.errors import WorldError
from sidestep.prove.assertions import Rule, invariants_in, path_pattern, sentence

HEAD = {"apiVersion": "sidestep.dev/v1", "kind": "Invariants"}


@pytest.mark.parametrize(
    ("text", "rule", "destination", "clients", "methods", "path", "issuers"),
    [
        ("nobody except [shop/orders, gateway:shop/edge] reaches db:5432", Rule.NOBODY_ELSE, "db:5432", ("shop/orders", "gateway:shop/edge"), (), "", ()),
        ("nobody except shop/orders, shop/web reaches shop/db", Rule.NOBODY_ELSE, "shop/db", ("shop/orders", "shop/web"), (), "", ()),
        ("nobody outside ns payments reaches db:5432", Rule.NOBODY_ELSE, "db:5432", ("payments/*",), (), "", ()),
        ("nobody outside ns [payments, audit] reaches db", Rule.NOBODY_ELSE, "db", ("payments/*", "audit/*"), (), "", ()),
        ("Nobody  reaches\n legacy.", None, "", (), (), "", ()),
        ("nobody reaches shop/legacy.", Rule.NOBODY_ELSE, "shop/legacy", (), (), "", ()),
        ("nobody but outside reaches web with GET, HEAD path /public/**", Rule.NOBODY_ELSE, "web", ("outside",), ("GET", "HEAD"), "/public/**", ()),
        ("only GET reaches shop/reports", Rule.METHODS, "shop/reports", (), ("GET",), "", ()),
        ("only GET, HEAD reach shop/web path /static/**", Rule.METHODS, "shop/web", (), ("GET", "HEAD"), "/static/**", ()),
        ("only shop/orders reaches shop/db", Rule.NOBODY_ELSE, "shop/db", ("shop/orders",), (), "", ()),
        ("every request to shop/cart path /admin/** carries a JWT from issuer https://i.example", Rule.TOKEN, "shop/cart", (), (), "/admin/**", ("https://i.example",)),
        ("every request to shop/cart carries a token", Rule.TOKEN, "shop/cart", (), (), "", ()),
        ("every request to cart carries a JWT from [a, b]", Rule.TOKEN, "cart", (), (), "", ("a", "b")),
        ("shop/web reaches shop/orders with GET path /health", Rule.REACHES, "shop/orders", ("shop/web",), ("GET",), "/health", ()),
        ("[shop/web, sa:shop/cron] reach orders.shop.svc.cluster.local:80", Rule.REACHES, "orders.shop.svc.cluster.local:80", ("shop/web", "sa:shop/cron"), (), "", ()),
    ],
)  # fmt: skip
def test_sentences(text, rule, destination, clients, methods, path, issuers):
    if rule is None:
        with pytest.raises(WorldError):
            sentence(text)
        return
    found = sentence(text)
    assert (found.rule, found.destination, found.clients) == (rule, destination, clients)
    assert (found.methods, found.path, found.issuers) == (methods, path, issuers)


@pytest.mark.parametrize(
    "text",
    ["", "everybody is happy", "nobody reaches", "nobody except web reaches db", "only get reaches db", "web reaches db",
     "every request to cart carries a cake", "nobody reaches db path admin", "nobody reaches db extra"],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_and_says_where(text):
    with pytest.raises(WorldError) as raised:
        sentence(text, where="i.yaml invariants[0]")
    assert raised.value.where == "i.yaml invariants[0]"
    assert raised.value.remedy


def test_files_hold_sentences_with_and_without_names():
    tree = {**HEAD, "invariants": ["nobody reaches db", {"name": "reports", "assert": "only GET reaches shop/reports"}]}
    first, second = invariants_in(tree, "i.yaml")
    assert (first.name, first.where) == ("nobody reaches db", "i.yaml invariants[0]")
    assert (second.name, second.text) == ("reports", "only GET reaches shop/reports")


@pytest.mark.parametrize(
    "tree",
    [None, [], HEAD, {**HEAD, "invariants": []}, {**HEAD, "invariants": "nobody reaches db"}, {**HEAD, "invariants": [3]},
     {**HEAD, "invariants": [{"assert": 3}]}, {**HEAD, "invariants": [{"name": 3, "assert": "nobody reaches db"}]},
     {**HEAD, "invariants": [{"text": "nobody reaches db"}]}, {**HEAD, "invariant": []}],
)  # fmt: skip
def test_other_files_are_refused(tree):
    with pytest.raises(WorldError):
        invariants_in(tree, "i.yaml")


@pytest.mark.parametrize(
    ("path", "fits", "not_"),
    [
        ("/admin/**", ("/admin/", "/admin/a/b"), ("/admin", "/x/admin/a")),
        ("/a/*/c", ("/a/b/c", "/a//c"), ("/a/b/b/c", "/a/c")),
        ("/a.b", ("/a.b",), ("/axb", "/a.b/")),
    ],
)
def test_paths(path, fits, not_):
    pattern = re.compile(path_pattern(path))
    assert all(pattern.fullmatch(each) for each in fits)
    assert not any(pattern.fullmatch(each) for each in not_)


@given(st.text(alphabet="nobdy reachs/[],*:GETpathwi", max_size=60))
def test_any_text_is_a_sentence_or_refused(text):
    with suppress(WorldError):
        assert sentence(text).destination
