"""Everybody who could call a namespace, and those of them that are treated alike."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode
from sidestep.semantics.requests import Client, GatewayClient, OutsideClient, WorkloadClient

_NAMED = 3
_SENDING = (Mode.SIDECAR, Mode.AMBIENT, Mode.NONE)
_OUTSIDE = "outside of the mesh, plaintext"
AnswerT = TypeVar("AnswerT")


class Caller(Struct, frozen=True):
    """Somebody who calls; `namespace` for those that share a row with others of theirs, empty for a row of its own."""

    name: str
    client: Client
    namespace: str = ""


def callers(index: MeshIndex, namespace: str) -> Iterator[Caller]:
    """Workloads of the namespace, gateways, somebody outside, then the workloads of other namespaces."""
    own, gateways, others = [], [], []
    names = Counter((ref.namespace, ref.name) for ref in index.workloads)
    for ref, groups in sorted(index.workloads.items()):
        pods = groups[0]
        name = f"{ref.kind} {ref.name}" if names[ref.namespace, ref.name] > 1 else ref.name
        if pods.mode is Mode.GATEWAY:
            client = GatewayClient(ref.namespace, ref.name)
            gateways.append(Caller(f"gateway {ref.namespace}/{ref.name}", client))
        elif pods.mode in _SENDING and ref.namespace == namespace:
            own.append(Caller(name, WorkloadClient(ref, pods.place)))
        elif pods.mode in _SENDING:
            others.append(Caller(name, WorkloadClient(ref, pods.place), ref.namespace))
    yield from (*own, *gateways, Caller(_OUTSIDE, OutsideClient()), *others)


class Together(Struct, frozen=True):
    """Callers that are treated alike: in words, and by name."""

    words: str
    members: tuple[str, ...]
    place: int


def together(asked: Sequence[Caller], answers: Sequence[AnswerT]) -> Iterator[Together]:
    """Who shares a row; `place` is that of the first among those who were asked.

    Callers of one namespace that get the same answers share one, and so do whole namespaces.
    """
    spaces: dict[str, dict[AnswerT, list[int]]] = {}
    for place, (caller, answer) in enumerate(zip(asked, answers, strict=True)):
        if caller.namespace:
            spaces.setdefault(caller.namespace, {}).setdefault(answer, []).append(place)
        else:
            yield Together(caller.name, (caller.name,), place)
    whole: dict[AnswerT, list[int]] = {}
    for namespace, kinds in spaces.items():
        for answer, places in kinds.items():
            if len(kinds) > 1:
                yield _of_one(namespace, asked, places)
            else:
                whole.setdefault(answer, []).extend(places)
    yield from (_of_several(asked, places) for places in whole.values())


def _of_one(namespace: str, asked: Sequence[Caller], places: Sequence[int]) -> Together:
    names = [asked[place].name for place in places]
    return Together(f"namespace {namespace}: {_some(names)}", _members(asked, places), places[0])


def _of_several(asked: Sequence[Caller], places: Sequence[int]) -> Together:
    spaces = [*dict.fromkeys(asked[place].namespace for place in places)]
    if len(spaces) == 1:
        return _of_one(spaces[0], asked, places)
    return Together(f"{len(spaces)} namespaces: {_some(spaces)}", _members(asked, places), places[0])


def _members(asked: Sequence[Caller], places: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"{asked[place].namespace}/{asked[place].name}" for place in places)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
