"""Who asks: a pod, a workload, a service account, a gateway, a node or somebody outside, as people name them."""

import re
from collections.abc import Iterable
from ipaddress import ip_address

from msgspec import Struct
from msgspec.structs import replace

from sidestep.errors import UsageError
from sidestep.explain.gateway_clients import GATEWAY, gateway_named
from sidestep.explain.nearest import listed, suggestion
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.requests import (
    Client,
    Guise,
    KubeletClient,
    NodeClient,
    OutsideClient,
    SomebodyClient,
    WorkloadClient,
)

WHERE = "--client"
FORMS = (
    "NS/WORKLOAD, NS/POD, NS/SERVICEACCOUNT, NS/KIND/NAME, gateway:[NS/]NAME, sidecar:NS/SERVICEACCOUNT, "
    "ambient:NS/SERVICEACCOUNT, sidecar,ambient:NS/SERVICEACCOUNT (today, then), node[:IP], outside[:IP] or kubelet"
)
GUISES = frozenset(each.value for each in Guise)
"""Words for a pod that may come, which nobody has read."""
THEN = ","
"""Between two of these: as what it comes today, and in later states."""
_SUFFIXES = (
    re.compile(r"-[a-z0-9]{5,10}-[a-z0-9]{5}$"),  # of a Deployment: the ReplicaSet's hash and the pod's own
    re.compile(r"-\d{7,10}-[a-z0-9]{5}$"),  # of a CronJob: minutes and the pod's own
    re.compile(r"-[a-z0-9]{5}$"),  # of a DaemonSet or a Job
    re.compile(r"-\d{1,4}$"),  # of a StatefulSet
)
_ACCOUNT_KINDS = frozenset({"sa", "serviceaccount", "serviceaccounts"})
_POD_KINDS = frozenset({"po", "pod", "pods"})
_SHORT = {"deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "cj": "cronjob"}


class FoundClient(Struct, frozen=True):
    """A client, the namespace from which it resolves names (empty outside of the cluster), and what to know of it.

    `later` is somebody who comes otherwise in states after the first; None for the same.
    """

    client: Client
    namespace: str = ""
    notes: tuple[str, ...] = ()
    later: SomebodyClient | None = None


def client_named(index: MeshIndex, text: str) -> FoundClient:
    """Who is meant.

    Raises:
        UsageError: nobody has that name, or several do and would not be treated alike.
    """
    word, _, rest = text.strip().partition(":")
    if word == "node":
        return FoundClient(NodeClient(_address(rest)))
    if word == "kubelet" and not rest:
        return FoundClient(KubeletClient())
    if word == "outside":
        return FoundClient(OutsideClient(_address(rest)))
    today, _, then = word.partition(THEN)
    if today in GUISES and (not then or then in GUISES):
        somebody = _somebody(Guise(today), rest)
        later = replace(somebody, guise=Guise(then)) if then else None
        return FoundClient(somebody, somebody.namespace, later=later)
    if word == "gateway":
        client = gateway_named(index, rest)
        return FoundClient(client, client.namespace)
    pods = index.by_address.get(text.strip())
    if pods is not None:
        return _of(index, pods)
    return _in_the_mesh(index, text.strip())


def same_client(index: MeshIndex, client: Client) -> Client:
    """The same client in another state of the mesh, where its pods may be others."""
    if not isinstance(client, WorkloadClient):
        return client
    pods = index.workloads.get(client.ref)
    return WorkloadClient(client.ref, pods[0].place) if pods else client


def _somebody(guise: Guise, text: str) -> SomebodyClient:
    name, _, address = text.partition("@")
    namespace, _, account = name.partition("/")
    if not namespace or not account or "/" in account:
        remedy = f"write {guise.value}:NS/SERVICEACCOUNT, with @IP where its address counts"
        raise UsageError(f"{text!r} names no service account of a namespace", where=WHERE, remedy=remedy)
    return SomebodyClient(namespace, account, guise, _address(address))


def _address(text: str) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise UsageError(
            f"{text!r} is no address", where=WHERE, remedy="write node:10.0.0.1 or outside:203.0.113.7"
        ) from None


def _in_the_mesh(index: MeshIndex, text: str) -> FoundClient:
    parts = text.split("/")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise UsageError(f"{text!r} names no client", where=WHERE, remedy=f"write {FORMS}")
    namespace = parts[0] if len(parts) > 1 else ""
    kind, name = (parts[1].lower() if len(parts) == 3 else ""), parts[-1]
    _check_namespace(index, namespace)
    known = _Known(index, namespace)
    for ask in (known.pod, known.workload, known.account, known.shaped):
        found = ask(name, kind)
        if found is not None:
            return found
    raise UsageError(
        f"nobody {f'in namespace {namespace} ' if namespace else ''}is called {name!r}",
        where=WHERE,
        remedy=f"{suggestion(name, known.names(), 'known names')}; or {GATEWAY}, node, outside",
    )


def _check_namespace(index: MeshIndex, namespace: str) -> None:
    spaces = {ref.namespace for ref in index.workloads}
    declared = {workload.ref.namespace for workload in index.inventory.workloads}
    if namespace and namespace not in spaces | declared:
        raise UsageError(
            f"no workload was read in a namespace {namespace!r}",
            where=WHERE,
            remedy=suggestion(namespace, spaces | declared, "namespaces with workloads"),
        )


class _Known(Struct, frozen=True):
    """The names of one namespace, or of all."""

    index: MeshIndex
    namespace: str

    def pod(self, name: str, kind: str) -> FoundClient | None:
        """A pod that runs."""
        if kind and kind not in _POD_KINDS:
            return None
        for workload in self.index.inventory.workloads:
            for place, group in enumerate(workload.groups):
                if self._here(workload.ref) and any(pod.name == name for pod in group.pods):
                    return FoundClient(WorkloadClient(workload.ref, place), workload.ref.namespace)
        return None

    def workload(self, name: str, kind: str) -> FoundClient | None:
        """A workload; two of one name must be told apart by their kind."""
        wanted = _SHORT.get(kind, kind).removesuffix("s") if kind else ""
        refs = [
            each.ref
            for each in self.index.inventory.workloads
            if self._here(each.ref)
            and each.ref.name == name
            and wanted in ("", each.ref.kind.lower().removesuffix("s"))
        ]
        if len(refs) > 1:
            names = [f"{ref.namespace}/{ref.kind}/{ref.name}" for ref in refs]
            raise UsageError(f"{name!r} is the name of several", where=WHERE, remedy=f"write one of {listed(names)}")
        return self._whole(refs[0]) if refs else None

    def account(self, name: str, kind: str) -> FoundClient | None:
        """A service account: any of its workloads where all take part in the mesh in the same way."""
        if kind and kind not in _ACCOUNT_KINDS:
            return None
        users = [each for each in self._all() if each.account == name]
        if not users:
            return None
        ways = {(each.namespace, each.mode_in_words) for each in users}
        refs = sorted({each.workload for each in users})
        if len(refs) == 1:
            return self._whole(refs[0])
        if len(ways) > 1:
            told = [f"{each.namespace}/{each.workload.name} ({each.mode_in_words})" for each in users]
            raise UsageError(
                f"service account {name} is used by pods that take part in the mesh in different ways",
                where=WHERE,
                remedy=f"name one of them: {listed(list(dict.fromkeys(told)))}",
            )
        note = (f"service account {name} is used by {listed([str(ref) for ref in refs])}: the first stands for all",)
        return FoundClient(
            WorkloadClient(users[0].workload, users[0].place), users[0].namespace, note if len(refs) > 1 else ()
        )

    def shaped(self, name: str, kind: str) -> FoundClient | None:
        """The workload whose pods are called so: pods come and go, and manifests have none."""
        if kind and kind not in _POD_KINDS:
            return None
        for suffix in _SUFFIXES:
            stem = suffix.sub("", name)
            found = self.workload(stem, "") if stem and stem != name else None
            if found is not None:
                note = f"no pod {name} was read: it is taken for one of {stem}"
                return FoundClient(found.client, found.namespace, (*found.notes, note))
        return None

    def names(self) -> set[str]:
        """What could have been written."""
        prefix = "" if self.namespace else None
        refs = (each.ref for each in self.index.inventory.workloads if self._here(each.ref))
        found = {ref.name if prefix == "" else f"{ref.namespace}/{ref.name}" for ref in refs}
        accounts = (each for each in self._all() if each.account != "default")
        return found | {each.account if prefix == "" else f"{each.namespace}/{each.account}" for each in accounts}

    def _whole(self, ref: WorkloadRef) -> FoundClient:
        pods = self.index.workloads.get(ref, ())
        if not pods:
            return FoundClient(WorkloadClient(ref), ref.namespace)
        return _of(self.index, pods[0])

    def _all(self) -> Iterable[Instances]:
        groups = (each for group in self.index.workloads.values() for each in group)
        return (each for each in groups if self.namespace in ("", each.namespace))

    def _here(self, ref: WorkloadRef) -> bool:
        return self.namespace in ("", ref.namespace)


def _of(index: MeshIndex, pods: Instances) -> FoundClient:
    """Pods, with a word on those of the same workload that are in another state."""
    others = [each for each in index.workloads[pods.workload] if each.mode_in_words != pods.mode_in_words]
    told = listed([f"{each.count} {each.mode_in_words}" for each in others])
    note = f"of {pods.workload} {pods.count} pods are {pods.mode_in_words}, which are asked for, and {told}"
    client = WorkloadClient(pods.workload, pods.place)
    return FoundClient(client, pods.namespace, (note,) if others else ())
