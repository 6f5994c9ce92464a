"""Path normalisation, path templates and header matchers, compared with the real Envoy on random input."""

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.authz_cases import seeded
from tests.support.authz_corpus import parsed, seen
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_client import Answer, Ask, Peer, answers
from tests.support.envoy_config import (
    SEEN_PATH,
    SHADOWS,
    Config,
    PathOptions,
    bootstrap,
    http_filters,
    listener,
    shadow,
)

from sidestep.semantics.authorization.evaluate import judge
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.authorization.policy import Policy
from sidestep.semantics.authorization.seen import Chain, Seen
from sidestep.semantics.authorization.templates import template_matches
from sidestep.semantics.path_normalisation import PathNormalisation

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-authorization")]

SEED, PATHS, CONNECTIONS = 20260802, 4000, 40
PIECES = (
    "/", "/", "//", "a", "b", "A1", "~", ".", "..", "/../", "/./", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "\\", "%41",
    "%7e", "%7E", "%20", "%25", "%252f", "%00", "%zz", "%", "%c3%a9", "*", "=", ";", "..;", "@", "!$&'()+,:", "|", "^",
    "`", '"', "<", ">", "[", "]", "{", "}", "?", "?x=../a//%2f", "#",
)  # fmt: skip
"""What attacks on path policies are made of."""

TEMPLATES = (
    "/{*}", "/{**}", "/a/{*}/b", "/a/{**}", "/a/{*}", "/{*}/b", "/{*}/{*}", "/a/{*}/{**}", "/{*}/{**}", "/{**}/b",
    "/a/{**}/b", "/a-b.c~/{*}", "/a/b/{*}/", "/{*}/a/{**}/b", "/%41/{*}",
)  # fmt: skip
SERVER_NAMES = ("exact.com", "EXACT.com", "*.suffix.com", "*.Suffix.com")
OPERATOR = re.compile(r"\{\*\*?\}")
HEADERS = ("a", "a,b", "a*", "*b", "*", "A", "a, b", "*,*", "ab", "a b")


META = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy"}


def policies_on(key: str, values: Sequence[str], folder: Path) -> list[Policy]:
    """A policy for each value that a condition may have."""
    return parsed(
        [
            {**META, "metadata": {"name": f"p{number}", "namespace": "foo"}, "spec": {"rules": [{"when": [when]}]}}
            for number, value in enumerate(values)
            for when in [{"key": key, "values": [value]}]
        ],
        folder,
    )


def paths(count: int) -> list[str]:
    dice = seeded(SEED)
    every = ["/" + piece for piece in PIECES] + ["/" + "".join(two) for two in itertools.product(PIECES, repeat=2)]
    return every + ["/" + "".join(dice.choices(PIECES, k=dice.randint(1, 7))) for _ in range(count)]


def template_shadow(number: int, template: str) -> Config:
    """As istiod writes it: the braces go."""
    kind = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
    matcher = {"@type": kind, "pathTemplate": template.replace("{**}", "**").replace("{*}", "*")}
    permission = {"uriTemplate": {"name": "uri-template", "typedConfig": matcher}}
    return shadow(number, {"p": {"permissions": [permission], "principals": [{"any": True}]}})


def header_shadow(number: int, value: str) -> Config:
    """As istiod writes it."""
    if value == "*":
        matcher: Config = {"presentMatch": True}
    elif value.startswith("*"):
        matcher = {"stringMatch": {"suffix": value[1:]}}
    elif value.endswith("*"):
        matcher = {"stringMatch": {"prefix": value[:-1]}}
    else:
        matcher = {"stringMatch": {"exact": value}}
    header = {"header": {"name": "X-Test", **matcher}}
    return shadow(number, {"p": {"permissions": [{"any": True}], "principals": [header]}})


def server_name_shadow(number: int, value: str) -> Config:
    """As istiod writes it."""
    matcher = {"suffix": value[1:]} if value.startswith("*") else {"exact": value}
    permission = {"requestedServerName": matcher}
    return shadow(number, {"p": {"permissions": [permission], "principals": [{"any": True}]}})


def peer_shadows() -> list[Config]:
    """The two matchers of the peer's address: the socket's, and the connection's."""
    principals = [
        {name: {"addressPrefix": address, "prefixLen": 32}}
        for name in ("directRemoteIp", "sourceIp")
        for address in ("127.0.0.9", "10.0.0.9")
    ]
    return [
        shadow(number, {"p": {"permissions": [{"any": True}], "principals": [each]}})
        for number, each in enumerate(principals)
    ]


@pytest.fixture(scope="module")
def envoy(tmp_path_factory):
    identities = MeshIdentities(tmp_path_factory.mktemp("envoy"))
    chains = {
        "templates": http_filters([template_shadow(number, text) for number, text in enumerate(TEMPLATES)]),
        "headers": http_filters([header_shadow(number, text) for number, text in enumerate(HEADERS)]),
        "server names": http_filters([server_name_shadow(number, text) for number, text in enumerate(SERVER_NAMES)]),
        "peers": http_filters(peer_shadows()),
        **{options.value: http_filters([], options) for options in PathOptions},
    }
    tls = identities.server()
    with running_envoy(bootstrap([listener(name, each, tls) for name, each in chains.items()]), identities) as running:
        yield running


def asked(envoy, name: str, asks: Sequence[Ask]) -> list[Answer]:
    """Answers in the order of the requests, over a few connections."""
    several = [Peer(plain=True, source=f"10.0.0.{number + 1}") for number in range(CONNECTIONS)]
    got = answers(envoy, name, {peer: asks[number::CONNECTIONS] for number, peer in enumerate(several)})
    found = [iter(got[peer]) for peer in several]
    return [next(found[number % CONNECTIONS]) for number in range(len(asks))]


def matched(answer: Answer, count: int) -> list[bool]:
    told = json.loads(answer.headers[SHADOWS])
    return [told[f"s{number}_shadow_engine_result"] == "allowed" for number in range(count)]


@pytest.mark.parametrize("options", PathOptions, ids=lambda options: options.value)
def test_paths_are_normalised_as_envoy_does(options, envoy):
    several = paths(PATHS)
    got = asked(envoy, options.value, [Ask(path=path) for path in several])
    theirs = [answer.headers[SEEN_PATH] if answer.status == 200 else None for answer in got]
    assert {answer.status for answer in got} <= {200, 400}
    ours = [normalise(path, PathNormalisation(options.value)) for path in several]
    wrong = [(path, one, other) for path, one, other in zip(several, theirs, ours, strict=True) if one != other]
    wrong.sort(key=lambda each: len(each[0]))
    assert not wrong, f"{len(wrong)} of {len(several)}: path, Envoy's, ours\n" + "\n".join(map(repr, wrong[:25]))


def test_templates_match_as_in_envoy(envoy):
    dice = seeded(SEED)
    fills = ["a", "b", "", "a/b", "/", "x/y/z", *PIECES]
    several = [path for path in paths(500) if "#" not in path]
    for template in TEMPLATES * 100:
        filled = OPERATOR.sub(lambda _: dice.choice(fills), template)
        several.append(filled.replace("#", ""))
    got = asked(envoy, "templates", [Ask(path=path) for path in several])
    wrong = [
        (template, path, theirs)
        for path, answer in zip(several, got, strict=True)
        for template, theirs in zip(TEMPLATES, matched(answer, len(TEMPLATES)), strict=True)
        if template_matches(template, path.partition("?")[0]) is not theirs
    ]
    assert not wrong, f"{len(wrong)}: template, path, Envoy's\n" + "\n".join(map(repr, wrong[:25]))


def test_headers_match_as_in_envoy(envoy, tmp_path):
    texts = ["", "a", "b", "a,b", "a, b", "ab", "A", "xa", "bx", "a b", ",", "*", "a*", "*b", "aab", "é"]
    pairs = [((one,), (one, other)) for one in texts for other in texts]
    asks = [Ask()] + [Ask(headers=tuple(("x-TEST", text) for text in each)) for two in pairs for each in two]
    got = asked(envoy, "headers", asks)
    policies = policies_on("request.headers[X-Test]", HEADERS, tmp_path)
    wrong = [
        (text, ask.headers, theirs)
        for ask, answer in zip(asks, got, strict=True)
        for text, policy, theirs in zip(HEADERS, policies, matched(answer, len(HEADERS)), strict=True)
        if judge([policy], seen(Peer(), ask), Chain.HTTP).allowed is not theirs
    ]
    assert not wrong, f"{len(wrong)}: value, headers, Envoy's\n" + "\n".join(map(repr, wrong[:25]))


def test_server_names_match_as_in_envoy(envoy, tmp_path):
    names = ["exact.com", "EXACT.com", "Exact.Com", "a.suffix.com", "A.SUFFIX.COM", "suffix.com", ""]
    work = {Peer(sni=name): [Ask()] for name in names}
    got = answers(envoy, "server names", work)
    policies = policies_on("connection.sni", SERVER_NAMES, tmp_path)
    wrong = [
        (text, peer.sni, theirs)
        for peer, (answer,) in got.items()
        for text, policy, theirs in zip(SERVER_NAMES, policies, matched(answer, len(SERVER_NAMES)), strict=True)
        if judge([policy], Seen(sni=peer.sni), Chain.TCP).allowed is not theirs
    ]
    assert not wrong, f"{len(wrong)}: value, server name, Envoy's\n" + "\n".join(map(repr, wrong))


def test_only_the_matcher_of_the_connection_follows_the_proxy_protocol(envoy):
    """Why the corpus is run with `sourceIp` where Istio writes `directRemoteIp`."""
    peers = (
        Peer(bound="127.0.0.9", plain=True),
        Peer(bound="127.0.0.9", source="10.0.0.9", plain=True),
        Peer(plain=True),
    )
    got = answers(envoy, "peers", {peer: [Ask()] for peer in peers})
    socket_only, both, neither = (matched(got[peer][0], 4) for peer in peers)
    assert socket_only == [True, False, False, False]
    assert both == [True, False, False, True]
    assert neither == [False, False, False, False]
