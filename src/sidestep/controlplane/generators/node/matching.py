"""Conditions in Envoy's matching language, for two places: a tunnel's CONNECT, and the choice of a filter chain."""

from collections.abc import Callable, Iterable
from typing import TypeAlias, assert_never

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig as EnvoyExtension
from envoy.extensions.matching.common_inputs.network.v3.network_inputs_pb2 import (
    DestinationIPInput,
    DestinationPortInput,
    DirectSourceIPInput,
)
from envoy.extensions.matching.common_inputs.ssl.v3.ssl_inputs_pb2 import UriSanInput
from envoy.extensions.matching.input_matchers.ip.v3.ip_pb2 import Ip
from envoy.type.matcher.v3.http_inputs_pb2 import HttpRequestHeaderMatchInput
from google.protobuf.message import Message
from xds.core.v3.extension_pb2 import TypedExtensionConfig
from xds.type.matcher.v3.matcher_pb2 import Matcher

from sidestep.controlplane.generators.node.authorization import Rules
from sidestep.controlplane.generators.node.conditions import Condition, Every, Field, Not, Some, Test
from sidestep.controlplane.generators.node.messages import cidr, packed

Predicate: TypeAlias = Matcher.MatcherList.Predicate
Leaf = Callable[[Test], Predicate]


def at_connect(test: Test) -> Predicate:
    """A test on a CONNECT request: its port is that of the authority, the peer is who shows the certificate."""
    match test.field:
        case Field.PEER:
            return _text(_input("uri_san", UriSanInput()), "|".join(test.values))
        case Field.PORT:
            authority = HttpRequestHeaderMatchInput(header_name=":authority")
            return _text(_input("authority", authority), f".*:(?:{'|'.join(test.values)})")
        case Field.SOURCE_IP | Field.DESTINATION_IP:
            return _address(test)
        case _:
            assert_never(test.field)


def at_accept(test: Test) -> Predicate:
    """A test on a connection that is just accepted, whose peer is nobody."""
    match test.field:
        case Field.PEER:
            raise AssertionError(test)
        case Field.PORT:
            return _text(_input("port", DestinationPortInput()), "|".join(test.values))
        case Field.SOURCE_IP | Field.DESTINATION_IP:
            return _address(test)
        case _:
            assert_never(test.field)


def decision(rules: Rules, leaf: Leaf, admit: EnvoyExtension, refuse: EnvoyExtension) -> Matcher:
    """A matcher that decides for every connection.

    Args:
        rules: who is refused and who is admitted.
        leaf: how a test is made.
        admit: what to do with who is let in.
        refuse: what to do with the others.
    """
    if rules.refused is True or rules.admitted is False:
        return Matcher(on_no_match=_then(refuse))
    first = [] if rules.refused is False else [_case(_predicate(rules.refused, leaf), refuse)]
    if rules.admitted is True:
        return _listed(first, admit)
    return _listed([*first, _case(_predicate(rules.admitted, leaf), admit)], refuse)


def by_destination(choices: Iterable[tuple[tuple[str, ...], EnvoyExtension]]) -> Matcher:
    """A matcher that does what stands beside the first networks in which a connection's destination is."""
    cases = [(Test(Field.DESTINATION_IP, networks), action) for networks, action in choices if networks]
    return Matcher(matcher_list={"matchers": [_case(_address(test), action) for test, action in cases]})


def _listed(cases: list[Matcher.MatcherList.FieldMatcher], otherwise: EnvoyExtension) -> Matcher:
    if not cases:
        return Matcher(on_no_match=_then(otherwise))
    return Matcher(matcher_list={"matchers": cases}, on_no_match=_then(otherwise))


def _case(predicate: Predicate, action: EnvoyExtension) -> Matcher.MatcherList.FieldMatcher:
    return Matcher.MatcherList.FieldMatcher(predicate=predicate, on_match=_then(action))


def _then(action: EnvoyExtension) -> Matcher.OnMatch:
    return Matcher.OnMatch(action={"name": action.name, "typed_config": action.typed_config})


def _predicate(condition: Condition, leaf: Leaf) -> Predicate:
    match condition:
        case Test():
            return leaf(condition)
        case Every(parts):
            return Predicate(and_matcher={"predicate": [_predicate(part, leaf) for part in parts]})
        case Some(parts):
            return Predicate(or_matcher={"predicate": [_predicate(part, leaf) for part in parts]})
        case Not(part):
            return Predicate(not_matcher=_predicate(part, leaf))
        case bool():
            raise AssertionError(condition)
        case _:
            assert_never(condition)


def _input(name: str, message: Message) -> TypedExtensionConfig:
    return TypedExtensionConfig(name=name, typed_config=packed(message))


def _text(where: TypedExtensionConfig, expression: str) -> Predicate:
    return Predicate(
        single_predicate={"input": where, "value_match": {"safe_regex": {"google_re2": {}, "regex": expression}}}
    )


def _address(test: Test) -> Predicate:
    """The peer as the kernel knows it, never as a header claims."""
    source = test.field is Field.SOURCE_IP
    where = _input("source_ip", DirectSourceIPInput()) if source else _input("destination_ip", DestinationIPInput())
    ranges = Ip(cidr_ranges=[cidr(value) for value in test.values], stat_prefix="policy")
    return Predicate(single_predicate={"input": where, "custom_match": _input("ip", ranges)})
