"""A lab that becomes one mesh after the other, and is asked: what it holds as a `Mesh`, and what became of connections."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from tests.lab.fidelity.meshes import Case, Object, Question
from tests.lab.fidelity.tokens import minted

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
    kinds.NAMESPACE, kinds.NODE, kinds.POD, kinds.SERVICE, kinds.ENDPOINT_SLICE, kinds.SERVICE_ACCOUNT, kinds.CONFIG_MAP, kinds.DEPLOYMENT, kinds.REPLICA_SET,
    kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION, kinds.REQUEST_AUTHENTICATION, kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE,
    kinds.SIDECAR, kinds.SERVICE_ENTRY, kinds.GATEWAY_CLASS, kinds.GATEWAY, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE,
)  # fmt: skip
_FIRST = ("Namespace", "ConfigMap", "Deployment", "Service", "Gateway")
"""What has addresses, or is there before; the rest may name addresses."""
FRONT, AUTHORIZER = "front-istio.edge", "edge/authorizer-"
"""The gateway's Service, and the pods that are asked by CUSTOM policies: what they answer is a proxy's answer."""
_KEYS = '"<keys>"'
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
        code: of HTTP or gRPC; -1 without.
        headers: of the answer.
        told: what the server says that it was sent.
    """

    pod: str
    peer: str
    kind: str
    code: int = -1
    headers: tuple[tuple[str, str], ...] = ()
    told: Object = {}


class Seen(Struct, frozen=True):
    """A mesh as the lab has it.

    Attributes:
        index: to decide by.
        pods: the lab's objects, by `namespace/name`.
        nodes: addresses, by name.
        addresses: what the placeholders of a case stand for.
        tokens: by name.
    """

    index: MeshIndex
    pods: dict[str, Object]
    nodes: dict[str, tuple[str, ...]]
    addresses: dict[str, str]
    tokens: dict[str, str]

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
        rejected: what proxies did not take of what they were told.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._applied: dict[Key, Object] = {}
        self._ended: set[str] = set()
        self.rejected: set[str] = set()
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._tokens: dict[str, str] = {}

    def become(self, case: Case) -> Seen:
        """Be a case's mesh: first everything that has or gives an address, then what names addresses."""
        self._be([each for each in case.objects if each["kind"] in _FIRST], lambda kind: kind in _FIRST)
        addresses = self._addresses()
        rest = json.dumps([each for each in case.objects if each["kind"] not in _FIRST])
        if not self._tokens and any(each.sent and each.sent.token for each in case.questions):
            self._tokens = minted(self.lab)
        if _KEYS in rest:
            rest = rest.replace(_KEYS, json.dumps(json.dumps(self.lab.client.ask(api.Token(keys=True)))))
        filled = json.loads(_ADDRESS.sub(lambda found: addresses.get(found[0], "192.0.2.1"), rest))
        self._be(filled, lambda kind: kind not in _FIRST)
        return self._seen(addresses, apart=case.apart)

    def ended(self) -> list[str]:
        """What ended since this was asked last, in the lab's words; the lab has put others in its place then."""
        status = self.lab.client.ask(api.Status())
        self.rejected.update(each for each in status["misgivings"] if "does not take it" in each)
        told = [each for each in status["said"] if "ended with code" in each]
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
        client = seen.client(question.client)
        url, more = _called(seen, question, f"[{host}]" if ":" in host else host)
        told = self.lab.call(client, url, count, timeout=_TIMEOUT, **more)
        if any(each.kind == "timeout" for each in told):
            told = self.lab.call(client, url, count, timeout=2 * _TIMEOUT, **more)
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
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name'].rsplit('-', 2)[0]}"
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
        return Seen(MeshIndex.of(mesh, given_version(ISTIO)), pods, nodes, addresses, self._tokens)


def _key(tree: Object) -> Key:
    return tree["kind"], tree["metadata"].get("namespace", ""), tree["metadata"]["name"]


def _called(seen: Seen, question: Question, host: str) -> tuple[str, Object]:
    """What is asked of the lab."""
    sent = question.sent
    if sent is None:
        return f"{'tcp-first' if question.first else 'http'}://{host}:{question.port}/", {}
    headers = {**sent.headers, "host": sent.authority(host, question.port)}
    if sent.token:
        headers["authorization"] = f"Bearer {seen.tokens[sent.token]}"
    where = FRONT if sent.gateway else host
    return f"{'grpc' if sent.grpc else 'http'}://{where}:{question.port}{sent.path}", {"method": sent.method, "headers": headers}  # fmt: skip


def _answer(outcome: Outcome) -> Answer:
    by_proxy = not outcome.pod or outcome.pod.startswith(AUTHORIZER)
    found = Answer("" if by_proxy else outcome.pod, "", outcome.kind, outcome.code, outcome.headers)
    if not outcome.ok and by_proxy:
        return found
    if not outcome.body.startswith("{"):
        first = outcome.body.split()
        return replace(found, pod=outcome.pod or (first[1] if len(first) > 1 else ""))
    told = json.loads(outcome.body)
    return replace(found, peer=told.get("peer", "").rpartition(":")[0].strip("[]"), told=told)
