"""A lab that becomes one mesh after the other, and is asked: what it holds as a `Mesh`, and what became of connections."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct
from tests.lab.fidelity.meshes import Case, Object, Question

from sidestep.controlplane.records import NETNS_ANNOTATION
from sidestep.lab.agent.messages import Outcome
from sidestep.lab.api import messages as api
from sidestep.lab.lab import Lab
from sidestep.model import kinds
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.origin import ClusterOrigin
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import given_version
from sidestep.sources.objects.builder import MeshBuilder

ISTIO = "1.30"
_READ = (
    kinds.NAMESPACE, kinds.NODE, kinds.POD, kinds.SERVICE, kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.AUTHORIZATION_POLICY,
    kinds.PEER_AUTHENTICATION,
)  # fmt: skip
_POLICIES = (kinds.AUTHORIZATION_POLICY.name, kinds.PEER_AUTHENTICATION.name)
_ADDRESS = re.compile(r"<(vip )?([a-z-]+)/([a-z0-9-]+)(?::(\d))?(:6)?>")
_TIMEOUT = 5.0
_AT_ONCE = 8
_MOST = 240
"""How often at most is asked until everybody who may answer has."""
_PART = 12
Key = tuple[str, str, str]


class Answer(Struct, frozen=True):
    """What became of a connection.

    Attributes:
        pod: who answered, `namespace/name`; empty when nobody did.
        peer: address of the client as the server has it; empty where the server does not tell.
        kind: of a failure.
    """

    pod: str
    peer: str
    kind: str


class Seen(Struct, frozen=True):
    """A mesh as the lab has it.

    Attributes:
        index: to decide by.
        pods: the lab's objects, by `namespace/name`.
        nodes: addresses, by name.
        addresses: what the placeholders of a case stand for.
    """

    index: MeshIndex
    pods: dict[str, Object]
    nodes: dict[str, tuple[str, ...]]
    addresses: dict[str, str]

    def address(self, text: str) -> str:
        """A text with its placeholders filled in."""
        return _ADDRESS.sub(lambda found: self.addresses.get(found[0], "192.0.2.1"), text)

    def client(self, name: str) -> str:
        """The lab's name of a client."""
        return name if name.startswith("node:") else self.owner(self.addresses.get(f"<{name}>", ""))

    def owner(self, address: str) -> str:
        """The pod that has an address; empty when none has."""
        return next((name for name, pod in self.pods.items() if address in addresses_of(pod)), "")


def addresses_of(pod: Object) -> tuple[str, ...]:
    """IPv4 and IPv6."""
    return tuple(each["ip"] for each in pod["status"].get("podIPs", ()))


class ProxyEndedError(Exception):
    """Proxies end that nobody had asked to, again and again: nothing can be observed."""


class Ground:
    """A lab and what was applied to it.

    Attributes:
        lab: as it is.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._applied: dict[Key, Object] = {}
        self._ended: set[str] = set()
        self._pool = ThreadPoolExecutor(_AT_ONCE)

    def become(self, case: Case) -> Seen:
        """Be a case's mesh: first everything that has or gives an address, then what names addresses."""
        held = [each for each in case.objects if each["kind"] not in _POLICIES]
        policies = [each for each in case.objects if each["kind"] in _POLICIES]
        self._be(held, lambda kind: kind not in _POLICIES)
        addresses = self._addresses()
        filled = json.loads(_ADDRESS.sub(lambda found: addresses.get(found[0], "192.0.2.1"), json.dumps(policies)))
        self._be(filled, lambda kind: kind in _POLICIES)
        return self._seen(addresses, apart=case.apart)

    def ended(self) -> list[str]:
        """What ended since this was asked last, in the lab's words; the lab has put others in its place then."""
        told = [each for each in self.lab.client.ask(api.Status())["said"] if "ended with code" in each]
        new = [each for each in told if each not in self._ended]
        self._ended.update(new)
        if new:
            self.lab.settle()
        return new

    def verify(self) -> list[dict[str, Any]]:
        """What packets say of each pod's capture."""
        rows: list[dict[str, Any]] = self.lab.client.ask(api.Verify())
        return rows

    def ask(self, seen: Seen, questions: Sequence[Question]) -> list[Answer]:
        """What becomes of each, many at once."""
        return list(self._pool.map(lambda question: self._ask(seen, question)[0], questions))

    def ask_until(self, seen: Seen, question: Question, answers: Collection[str]) -> list[Answer]:
        """What becomes of a question that is asked again and again, until each of some pods has answered."""
        found: list[Answer] = []
        while len(found) < _MOST and not {each.pod for each in found} >= set(answers):
            found += self._ask(seen, question, _PART)
        return found

    def _ask(self, seen: Seen, question: Question, count: int = 1) -> list[Answer]:
        """A timeout may be the machine's, which has other things to do: then it is asked once more."""
        host = seen.address(question.to)
        url = f"{'tcp-first' if question.first else 'http'}://{f'[{host}]' if ':' in host else host}:{question.port}/"
        client = seen.client(question.client)
        told = self.lab.call(client, url, count, timeout=_TIMEOUT)
        if any(each.kind == "timeout" for each in told):
            told = self.lab.call(client, url, count, timeout=2 * _TIMEOUT)
        return list(map(_answer, told))

    def _be(self, wanted: Iterable[Object], mine: Any) -> None:
        new = {_key(each): each for each in wanted}
        gone = [
            each for key, each in self._applied.items() if mine(key[0]) and key not in new and key[0] != "Namespace"
        ]
        changed = [each for key, each in new.items() if self._applied.get(key) != each]
        if gone:
            self.lab.client.ask(api.Delete(gone))
        if changed:
            self.lab.apply(*changed)
        if gone or changed:
            self.lab.settle()
        self._applied = {**{key: each for key, each in self._applied.items() if not mine(key[0])}, **new}

    def _list(self, kind: Any) -> list[Object]:
        found: list[Object] = self.lab.client.ask(api.List(kind.key))
        return found

    def _addresses(self) -> dict[str, str]:
        found: dict[str, str] = {}
        counted: dict[str, int] = {}
        for pod in sorted(self._list(kinds.POD), key=lambda each: each["metadata"]["name"]):
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['labels']['app']}"
            number = counted[name] = counted.get(name, -1) + 1
            four, six = addresses_of(pod)
            found |= {f"<{name}:{number}>": four, f"<{name}:{number}:6>": six}
        for service in self._list(kinds.SERVICE):
            name = f"vip {service['metadata']['namespace']}/{service['metadata']['name']}"
            for vip in service["spec"].get("clusterIPs", ()):
                found[f"<{name}:6>" if ":" in vip else f"<{name}>"] = vip
        return found

    def _seen(self, addresses: dict[str, str], *, apart: bool) -> Seen:
        builder = MeshBuilder()
        pods: dict[str, Object] = {}
        nodes: dict[str, tuple[str, ...]] = {}
        for kind in _READ:
            for tree in self._list(kind):
                meta = tree["metadata"]
                if kind is kinds.POD:
                    pods[f"{meta['namespace']}/{meta['name']}"] = tree
                    if not apart:  # the lab's own annotation, without which replicas are alike as in any cluster
                        meta.get("annotations", {}).pop(NETNS_ANNOTATION, None)
                elif kind is kinds.NODE:
                    nodes[meta["name"]] = tuple(each["address"] for each in tree["status"]["addresses"])
                builder.add(json.dumps(tree).encode(), ClusterOrigin("lab", "1"))
        mesh = builder.build(SourceInfo(SourceKind.CLUSTER, "lab"))
        return Seen(MeshIndex.of(mesh, given_version(ISTIO)), pods, nodes, addresses)


def _key(tree: Object) -> Key:
    return tree["kind"], tree["metadata"].get("namespace", ""), tree["metadata"]["name"]


def _answer(outcome: Outcome) -> Answer:
    if not outcome.ok:
        return Answer("", "", outcome.kind)
    if not outcome.body.startswith("{"):
        return Answer(outcome.pod or outcome.body.split()[1], "", outcome.kind)
    told = json.loads(outcome.body)
    return Answer(outcome.pod, told["peer"].rpartition(":")[0].strip("[]"), outcome.kind)
