"""One text for each combination of languages: held against random texts, RE2 and normalisation."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidestep.prove.addresses import representatives as addresses
from sidestep.prove.expressions import Undecidable
from sidestep.prove.languages import (
    METHODS,
    Ending,
    Exactly,
    Matching,
    Pieces,
    Rewritten,
    Starting,
    belongs,
    representatives,
    usual_methods,
)
from sidestep.prove.texts import Texts
from sidestep.semantics.authorization.matchers import Cidr
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.patterns import compiled

_PIECES = ("/", "a", "b", "/a", "/ab", "/a/b", ".", "..", "/x.", "%2F", "*", "A", "//")
_EXPRESSIONS = (
    "/a.*", "/[a-c]+", "(?i)/ab?", "/a|/b", "/(a|b){2,3}", "/a/[^/]+/b", ".*/b", r"/\d+", r"/\w*\.b", "/a/?", "^/a$",
    "/[[:alpha:]]+", "(?P<x>/a)b", r"\Q/a.b\E", "/x{0,2}", "/[^a-z]+", r"/[\w.-]+", "", "/a(?:/b)*",
)  # fmt: skip


def language(chance):
    text = "".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 3)))
    kind = chance.choice((Exactly, Starting, Ending, "expression", "pieces", "rewritten"))
    if kind == "expression":
        return Matching(chance.choice(_EXPRESSIONS))
    if kind == "pieces":
        return Pieces((text, chance.choice(_PIECES), ""))
    if kind == "rewritten":
        return Rewritten(chance.choice(("/a", "/a/", "/")), chance.choice(("/", "/b", "/b/")), Starting(text))
    return kind(text)


def texts_of(chance, count):
    alphabet = "ab/.%2FA0-_x*Bz"
    for _ in range(count):
        yield "/" + "".join(chance.choice(alphabet) for _ in range(chance.randint(0, 8)))


@pytest.mark.parametrize("mode", list(PathNormalisation))
@pytest.mark.parametrize("seed", range(40))
def test_every_path_is_like_one_that_is_told(seed, mode):
    chance = random.Random(seed)  # noqa: S311 - the same seed must ask the same
    languages = frozenset(language(chance) for _ in range(chance.randint(1, 6)))
    found = representatives(languages, Texts.PATH, mode)
    ordered = sorted(languages, key=repr)
    known = {tuple(belongs(text, each) for each in ordered) for text in found}
    assert all(normalise(text, mode) == text for text in found)
    assert len(known) == len(found)
    for raw in texts_of(chance, 400):
        text = normalise(raw, mode)
        if text is not None and "#" not in text:
            assert tuple(belongs(text, each) for each in ordered) in known, text


@given(st.lists(st.sampled_from(_EXPRESSIONS), min_size=1, max_size=4), st.text("ab/.x019AB-_", max_size=8))
@settings(max_examples=300, deadline=None)
def test_expressions_are_read_as_re2_reads_them(patterns, rest):
    languages = frozenset(map(Matching, patterns))
    found = representatives(languages, Texts.CLAIM)
    told = {tuple(belongs(text, each) for each in sorted(languages)) for text in found}
    assert tuple(belongs(rest, each) for each in sorted(languages)) in told


@pytest.mark.parametrize("pattern", [r"/a\b", r"\pL+", "(?m)/a", "a{5000}", r"\C", "/(a", "[[:foo:]]", "a^b", r"\A/a"])
def test_what_is_not_understood_is_said(pattern):
    with pytest.raises(Undecidable):
        representatives(frozenset({Matching(pattern)}), Texts.PATH)


def test_a_large_product_ends():
    many = [Matching(f".*{a}.*{b}.*") for a in "abcdefgh" for b in "abcdefgh"]
    with pytest.raises(Undecidable, match="states"):
        representatives(frozenset(many), Texts.PATH)


def test_hundreds_of_texts_and_prefixes_are_one_tree():
    many = [Exactly(f"/x{number}/items") for number in range(300)] + [Starting(f"/p{number}/") for number in range(300)]
    assert len(representatives(frozenset(many), Texts.PATH)) == 601


def test_methods_and_hosts_are_never_empty():
    for texts in (Texts.METHOD, Texts.HOST):
        found = representatives(frozenset({Exactly("GET"), Starting("a")}), texts)
        assert "" not in found
        assert len(found) >= 2


def test_who_is_none_of_those_named_is_a_method_that_programs_send():
    assert usual_methods(frozenset()) == ("GET",)
    assert usual_methods(frozenset({Exactly("GET")})) == ("GET", "POST")
    found = usual_methods(frozenset({Exactly("GET"), Exactly("POST"), Starting("P")}))
    assert found[0] == "GET"
    assert set(found) == {"GET", "POST", "PUT", "DELETE"}


def test_methods_that_only_a_policy_thinks_of_are_told_too():
    found = usual_methods(frozenset(map(Exactly, METHODS)))
    assert set(METHODS) < set(found)
    assert len(found) == len(METHODS) + 1
    assert usual_methods(frozenset({Exactly("get")})) == ("GET", "get")


@pytest.mark.parametrize("seed", range(30))
def test_every_address_is_like_one_that_is_told(seed):
    chance = random.Random(seed)  # noqa: S311 - the same seed must ask the same
    blocks = {
        f"{chance.choice((10, 11, 203))}.{chance.randint(0, 3)}.0.0/{chance.choice((0, 8, 14, 16, 24, 32))}"
        for _ in range(4)
    }
    blocks |= {"2001:db8::/32"} if chance.random() < 0.3 else set()
    ordered = sorted(blocks)
    known = {tuple(Cidr(each).matches(address) for each in ordered) for address in addresses(blocks)}
    for _ in range(300):
        address = (
            f"{chance.choice((10, 11, 203, 8))}.{chance.randint(0, 4)}.{chance.choice((0, 1))}.{chance.choice((0, 7))}"
        )
        assert tuple(Cidr(each).matches(address) for each in ordered) in known


def test_the_first_address_is_of_no_range():
    first = addresses({"10.0.0.0/8", "203.0.113.7/32"})[0]
    assert not any(Cidr(each).matches(first) for each in ("10.0.0.0/8", "203.0.113.7/32"))


def test_refused_by_re2_is_refused():
    assert compiled("(?=a)") is None
    with pytest.raises(Undecidable):
        representatives(frozenset({Matching("(?=a)")}), Texts.PATH)
