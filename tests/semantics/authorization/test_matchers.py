"""One value against one matcher, in the forms of istio-semantics.md §3.3."""

import pytest

from sidestep.semantics.authorization.matchers import (
    Cidr,
    Exact,
    Pieces,
    Prefix,
    Present,
    Regex,
    Suffix,
    address_number,
    is_cidr,
    string_matcher,
)


@pytest.mark.parametrize(
    ("text", "kind", "yes", "no"),
    [
        ("GET", Exact, ["GET"], ["get", "GETS", ""]), ("GE*", Prefix, ["GE", "GET"], ["G", "get"]), ("*ET", Suffix, ["ET", "GET"], ["T", "ETX"]),
        ("*", Present, ["x", "*"], [""]), ("*a*", Suffix, ["a*", "xa*"], ["a", "xax"]), ("/a/*/b", Exact, ["/a/*/b"], ["/a/x/b"]),
        ("", Exact, [""], ["x"]), ("**", Suffix, ["*", "x*"], ["x"]),
    ],
)  # fmt: skip
def test_strings(text, kind, yes, no):
    matcher = string_matcher(text)
    assert isinstance(matcher, kind)
    assert all(matcher.matches(value) for value in yes)
    assert not any(matcher.matches(value) for value in no)


def test_headers_are_present_even_when_empty():
    assert string_matcher("*", empty=True).matches("")


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::a00:0", "", "x"]),
        ("10.1.2.3/8", ["10.9.9.9"], ["11.0.0.0"]), ("10.1.2.3", ["10.1.2.3"], ["10.1.2.4"]), ("0.0.0.0/0", ["1.2.3.4"], ["::1"]),
        ("::/0", ["::1"], ["1.2.3.4"]), ("fd00::/8", ["fd12::1"], ["fe00::1"]),
    ],
)  # fmt: skip
def test_ranges_of_addresses(text, yes, no):
    matcher = Cidr(text)
    assert all(matcher.matches(value) for value in yes)
    assert not any(matcher.matches(value) for value in no)


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("10.0.0.0/8", True), ("10.0.0.1", True), ("::1", True), ("10.0.0.0/33", False), ("10.0.0.0/-1", False), ("10.0.0", False), ("", False),
        ("localhost", False), ("10.0.0.0/", False), ("²", False), ("10.0.0.0/255.0.0.0", False), ("10.0.0.0/0.0.0.255", False), ("10.0.0.0/08", False), ("fe80::1%eth0/64", False),
    ],
)  # fmt: skip
def test_which_ranges_go_can_read(text, readable):
    """Netmasks, leading zeros and zones are Python's alone: Go's ParsePrefix refuses them."""
    assert is_cidr(text) is readable


@pytest.mark.parametrize(
    ("parts", "yes", "no"),
    [
        (("", "/ns/a/", ""), ["x/ns/a/y", "/ns/a/"], ["x/ns/ab/y", "/ns/a"]), (("", "/ns/a", "b/", ""), ["/ns/ab/", "/ns/a/x/b/"], ["/ns/a/"]),
        (("aa", "aa"), ["aaaa"], ["aaa", "aa"]), (("a", "b", "c"), ["abc", "axbxc"], ["ac", "acb"]),
    ],
)  # fmt: skip
def test_pieces_do_not_overlap(parts, yes, no):
    assert all(Pieces(parts).matches(value) for value in yes)
    assert not any(Pieces(parts).matches(value) for value in no)


@pytest.mark.parametrize("text", ["(", "a**", "(?=a)", r"(a)\1"])
def test_an_expression_that_re2_refuses_matches_nothing(text):
    assert not any(Regex(text).matches(value) for value in ("", "a", "aa", text))


def test_an_expression_matches_the_whole_value():
    assert Regex("a+").matches("aaa")
    assert not Regex("a+").matches("aaab")


@pytest.mark.parametrize(
    ("text", "version"), [("1.2.3.4", 4), ("::1", 6), ("", 0), ("1.2.3", 0), ("x", 0), ("1.2.3.4/8", 0)]
)
def test_addresses(text, version):
    assert address_number(text)[0] == version
