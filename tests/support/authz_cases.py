"""Requests that try every clause of a policy: on both sides of each value, absent, and in random company."""

import ipaddress
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.authz_corpus import Tree
from tests.support.envoy_client import Ask, Peer

ABSENT = None
_CERTAIN = 0.8


@dataclass
class Values:
    """What may be tried for each thing that a request has; `wished` are those that a clause was written for."""

    tried: dict[tuple[str, ...], list[Any]] = field(default_factory=dict)
    wished: dict[tuple[str, ...], list[Any]] = field(default_factory=dict)

    def add(self, key: tuple[str, ...], wished: Any, around: Iterable[Any]) -> None:
        """A value and its neighbours."""
        self.wished.setdefault(key, []).append(wished)
        self.tried.setdefault(key, []).extend([wished, *around])

    def pick(self, key: tuple[str, ...], dice: random.Random) -> Any:
        """Something for this thing: mostly what a clause wants, else any neighbour, at times nothing."""
        if key not in self.tried:
            return ABSENT
        if dice.random() >= _CERTAIN:
            return dice.choice([*self.tried[key], ABSENT])
        if key == ("claims",):
            return merged(dice.choices(self.wished[key], k=3))
        return dice.choice(self.wished[key])


def merged(several: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Claims of several tokens in one."""
    found: dict[str, Any] = {}
    for claims in several:
        found |= claims
    return found


def values_of(rules: Iterable[Tree]) -> Values:
    """Values for everything that some rules look at."""
    values = Values()
    for name, written in _clauses(rules):
        for value in written:
            _add(values, name, str(value))
    return values


def _clauses(rules: Iterable[Tree]) -> Iterator[tuple[str, Sequence[str]]]:
    for rule in rules:
        for each in rule.get("from") or ():
            yield from _fields(each.get("source") or {})
        for each in rule.get("to") or ():
            yield from _fields(each.get("operation") or {})
        for when in rule.get("when") or ():
            yield when["key"], [*(when.get("values") or ()), *(when.get("notValues") or ())]


def _fields(part: Tree) -> Iterator[tuple[str, Sequence[str]]]:
    for name, written in part.items():
        yield (name[3].lower() + name[4:] if name.startswith("not") else name), written


def _add(values: Values, name: str, value: str) -> None:
    add = _BY_NAME.get(name)
    if add is None:
        _add_keyed(values, name, value)
    else:
        add(values, value)


def _add_text(*key: str) -> "_Add":
    return lambda values, value: values.add(key, _filled(value), _near(value))


def _add_block_of(name: str) -> "_Add":
    return lambda values, value: _add_block(values, name, value)


def _add_namespace(values: Values, value: str) -> None:
    near = [f"cluster.local/ns/{each}/sa/x" for each in _near(value)]
    values.add(("identity",), f"cluster.local/ns/{_filled(value)}/sa/x", [*near, f"td/ns/x/ns/{value}/sa/ns"])


def _add_trust_domain(values: Values, value: str) -> None:
    near = [f"{each}/ns/a/sa/b" for each in _near(value)]
    values.add(("identity",), f"{_filled(value)}/ns/a/sa/b", [*near, _filled(value), f"x/{value}/ns/a/sa/b"])


def _add_port(values: Values, value: str) -> None:
    port = int(value)
    values.add(("port",), port, [port + 1, port - 1, min(port * 10, 65535)])


def _add_host(values: Values, value: str) -> None:
    more = [f"{_filled(value)}:8080", _filled(value).upper(), f"{_filled(value)}."]
    values.add(("authority",), _filled(value), [each for each in (*_near(value), *more) if "/" not in each])


def _add_keyed(values: Values, name: str, value: str) -> None:
    key = tuple(name.partition("[")[2].removesuffix("]").split("]["))
    if name.startswith("request.headers") and key[0].startswith(":"):
        _add(values, _PSEUDO[key[0]], value)
    elif name.startswith("request.headers"):
        pairs = [(value, "more"), ("more", _filled(value))]
        values.add(("header", key[0]), (_filled(value),), [(each,) for each in (*_near(value), "")] + pairs)
    elif name.startswith("request.auth.claims"):
        _add_claim(values, key, value, scalars=key not in {("iss",), ("sub",)})
    elif name.startswith("experimental."):
        values.add(("metadata",), _filled(value), _near(value))


def _near(value: str) -> list[str]:
    """Values around what a policy writes: longer, shorter, of other case, with the star as a letter."""
    core = value.removeprefix("*") if value.startswith("*") else value.removesuffix("*")
    near = [value, core, core + "x", "x" + core, core[:-1], core[1:], core.swapcase(), f"x{core}x", f"{core}/{core}"]
    return list(dict.fromkeys(each for each in near if each))


def _filled(value: str) -> str:
    """A value that the pattern wants."""
    return value.replace("*", "any", 1) if value.startswith("*") or value.endswith("*") else value


def _add_account(values: Values, value: str) -> None:
    space, _, account = value.rpartition("/")
    space = space or "foo"
    near = [
        f"{domain}/ns/{each}/sa/{account}{end}" for each in _near(space) for domain in ("x", "") for end in ("", "/x")
    ]
    near += [f"td/ns/{space}/sa/{each}" for each in _near(account)]
    near += [f"td/ns/{space}/more/sa/{account}", f"td/ns/{space}sa/{account}", f"a/b/ns/{space}/sa/{account}/c"]
    values.add(("identity",), f"cluster.local/ns/{space}/sa/{account}", near)


def _add_block(values: Values, name: str, value: str) -> None:
    block = ipaddress.ip_network(value, strict=False)
    first, last = block.network_address, block.broadcast_address
    near = [first + block.num_addresses // 2, last, last + 1, first - 1]
    values.add((name,), str(first), [str(each) for each in near])


def _add_path(values: Values, value: str) -> None:
    if "{*}" not in value and "{**}" not in value:
        near = [*_near(value), _filled(value) + "?a=/b", _filled(value) + "/", "/" + _filled(value)]
        values.add(("path",), _filled(value), near)
        return
    fills = [("a", "b"), ("a-b.c~", "x/y/z"), ("", ""), ("a/b", "a//b"), ("%41", "a;b"), ("a:b", "{}")]
    near = [value.replace("{*}", one).replace("{**}", several) for one, several in fills]
    near += [near[0] + "?q=a/b", near[0] + "/", near[0] + "x", "/x" + near[0], near[0].upper(), value]
    values.add(("path",), near[0], near)


def _add_subject(values: Values, value: str) -> None:
    for each in (_filled(value), *_near(value)):
        issuer, slash, subject = each.rpartition("/")
        claims = {"iss": issuer, "sub": subject} if slash else {"iss": each, "sub": ""}
        near = [
            {"iss": each},
            {"sub": each},
            {"iss": "any", "sub": each},
            {"iss": each, "sub": "x"},
            {"iss": "", "sub": ""},
        ]
        values.add(("claims",), claims, near)


def _add_claim(values: Values, path: tuple[str, ...], value: str, *, scalars: bool = True) -> None:
    """A claim as a string, in lists, as other things; the token's library wants some claims to be strings."""
    strings: list[Any] = [*_near(value), ""]
    lists: list[Any] = [[_filled(value), "more"], ["more", _filled(value)], ["more"], [], [f"{value}x"]]
    others: list[Any] = [7, True, None, {"deep": value}, [7, _filled(value)], [[_filled(value)]], {}]
    tried = strings + (lists if scalars or path == ("aud",) else []) + (others if scalars else [])
    values.add(("claims",), _nested(path, _filled(value)), [_nested(path, each) for each in tried])


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value


_Add = Callable[[Values, str], None]
_PSEUDO = {":method": "methods", ":path": "paths", ":authority": "hosts"}
_BY_NAME: dict[str, _Add] = {
    "principals": _add_text("identity"),
    "source.principal": _add_text("identity"),
    "namespaces": _add_namespace,
    "source.namespace": _add_namespace,
    "serviceAccounts": _add_account,
    "source.serviceAccount": _add_account,
    "trustDomains": _add_trust_domain,
    "source.trustDomain": _add_trust_domain,
    "ipBlocks": _add_block_of("source"),
    "source.ip": _add_block_of("source"),
    "remoteIpBlocks": _add_block_of("remote"),
    "remote.ip": _add_block_of("remote"),
    "destination.ip": _add_block_of("destination"),
    "ports": _add_port,
    "destination.port": _add_port,
    "methods": _add_text("method"),
    "hosts": _add_host,
    "paths": _add_path,
    "connection.sni": _add_text("sni"),
    "requestPrincipals": _add_subject,
    "request.auth.principal": _add_subject,
    "request.auth.audiences": lambda values, value: _add_claim(values, ("aud",), value, scalars=False),
    "request.auth.presenter": lambda values, value: _add_claim(values, ("azp",), value),
}


def seeded(seed: int) -> random.Random:
    """Dice that fall the same way in every run."""
    return random.Random(seed)  # noqa: S311


def peers(values: Values, count: int, dice: random.Random) -> list[Peer]:
    """Connections: every value once, then random ones."""
    made = dict.fromkeys(
        _peer({**_some(values, dice), key[0]: value})
        for key in (("identity",), ("source",), ("destination",), ("port",), ("sni",))
        for value in values.tried.get(key, ())
    )
    for _ in range(count):
        made[_peer(_some(values, dice))] = None
    plain = Peer(None, plain=True)
    return [*made, plain, Peer(None)]


def _some(values: Values, dice: random.Random) -> dict[str, Any]:
    return {name: values.pick((name,), dice) for name in ("identity", "source", "remote", "destination", "port", "sni")}


def _peer(chosen: dict[str, Any]) -> Peer:
    identity, sni = chosen["identity"], chosen["sni"] or ""
    return Peer(
        uri=None if identity is ABSENT else f"spiffe://{identity}",
        source=chosen["source"] or "10.1.1.1",
        destination=chosen["destination"] or "10.2.2.2",
        port=chosen["port"] or 8080,
        sni=sni if _can_be_sent(sni) else "",
    )


def _can_be_sent(sni: str) -> bool:
    """Server names that OpenSSL sends."""
    return sni.isascii() and not sni.startswith(".") and len(sni) < 250


def all_asks(values: Values, dice: random.Random) -> list[Ask]:
    """Every value of everything that a request has, each in random company."""
    names = [key for key in values.tried if key[0] not in ("identity", "source", "destination", "port", "sni")]
    return [
        ask({**{other: values.pick(other, dice) for other in names}, name: value})
        for name in names
        for value in (*values.tried[name], ABSENT)
    ]


def some_asks(values: Values, count: int, dice: random.Random) -> list[Ask]:
    """Random requests."""
    return [ask({name: values.pick(name, dice) for name in values.tried}) for _ in range(count)]


def ask(chosen: dict[tuple[str, ...], Any]) -> Ask:
    """A request with these things."""
    headers = [(key[1], value) for key, several in chosen.items() if key[0] == "header" for value in several or ()]
    claims = chosen.get(("claims",))
    remote = chosen.get(("remote",))
    return Ask(
        method=chosen.get(("method",)) or "GET",
        path=chosen.get(("path",)) or "/",
        authority=chosen.get(("authority",)) or "example.org",
        headers=tuple(headers),
        claims=None if claims is ABSENT else json.dumps(claims),
        forwarded=f"203.0.113.7, {remote}" if remote else "",
        metadata=chosen.get(("metadata",)) or "",
    )
