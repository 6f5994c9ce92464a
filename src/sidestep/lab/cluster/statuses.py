"""What a kubelet writes into a pod's status."""

from collections.abc import Callable, Mapping

from sidestep.lab.agent.messages import Ready
from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.cluster.objects import Tree, spec_of
from sidestep.semantics.loose import as_dicts, as_text
from sidestep.semantics.proxies import PROXY

Edit = Callable[[Tree], None]


def started(node: str, host: Pair, address: Pair, now: str) -> Edit:
    """The pod has a node and addresses; nothing of it runs yet."""

    def edit(pod: Tree) -> None:
        pod.setdefault("spec", {})["nodeName"] = node
        pod["status"] = {
            **(pod.get("status") or {}),
            "phase": "Pending",
            "hostIP": host.ipv4,
            "podIP": address.ipv4,
            "podIPs": [{"ip": address.ipv4}, {"ip": address.ipv6}],
            "startTime": now,
        }

    return edit


def running(now: str) -> Edit:
    """Its containers run; whether they are ready is told by `condition`."""

    def edit(pod: Tree) -> None:
        status = pod.setdefault("status", {})
        status["phase"] = "Running"
        status["containerStatuses"] = [
            {"name": each.get("name", ""), "image": each.get("image", ""), "state": {"running": {"startedAt": now}}}
            for each in as_dicts((pod.get("spec") or {}).get("containers"))
        ]

    return edit


def condition(told: Mapping[str, Ready], now: str) -> Edit:
    """Whether it may be sent requests: when all of its containers, sidecars among them, say so."""

    def edit(pod: Tree) -> None:
        every = [told.get(name) for name in lasting(pod)]
        ready = bool(every) and all(each is not None and each.ready for each in every)
        value = "True" if ready else "False"
        status = pod.setdefault("status", {})
        others = [each for each in as_dicts(status.get("conditions")) if each.get("type") != "Ready"]
        old = next((each for each in as_dicts(status.get("conditions")) if each.get("type") == "Ready"), {})
        if old.get("status") != value:
            reason = "; ".join(each.reason for each in every if each is not None and not each.ready and each.reason)
            row = {"type": "Ready", "status": value, "lastTransitionTime": now}
            status["conditions"] = [*others, {**row, "message": reason} if reason else row]

    return edit


def lasting(pod: Tree) -> list[str]:
    """Names of the containers that run as long as the pod does; of init containers the lab runs the mesh's own."""
    spec = spec_of(pod)
    native = [each for each in as_dicts(spec.get("initContainers")) if each.get("name") == PROXY]
    return [as_text(each.get("name")) for each in (*native, *as_dicts(spec.get("containers")))]
