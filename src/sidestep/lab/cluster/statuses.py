"""What a kubelet writes into a pod's status."""

from collections.abc import Callable, Iterable

from sidestep.lab.agent.messages import Ready
from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.cluster.objects import Tree
from sidestep.semantics.loose import as_dicts

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


def condition(containers: Iterable[Ready], now: str) -> Edit:
    """Whether it may be sent requests: when all of its containers say so."""
    told = list(containers)

    def edit(pod: Tree) -> None:
        expected = len(as_dicts((pod.get("spec") or {}).get("containers")))
        ready = len(told) >= expected and all(each.ready for each in told)
        value = "True" if ready else "False"
        status = pod.setdefault("status", {})
        others = [each for each in as_dicts(status.get("conditions")) if each.get("type") != "Ready"]
        old = next((each for each in as_dicts(status.get("conditions")) if each.get("type") == "Ready"), {})
        if old.get("status") != value:
            reason = "; ".join(each.reason for each in told if not each.ready and each.reason)
            row = {"type": "Ready", "status": value, "lastTransitionTime": now}
            status["conditions"] = [*others, {**row, "message": reason} if reason else row]

    return edit
