"""From a pod's object to what its node's agent is told."""

from collections.abc import Callable

from sidestep.lab.agent.messages import Pod
from sidestep.lab.cluster.addresses import DNS
from sidestep.lab.cluster.injected import health_port, probers_of
from sidestep.lab.cluster.names import DOMAIN, addresses_of
from sidestep.lab.cluster.objects import Tree, meta_of, spec_of
from sidestep.lab.cluster.pods import node_of
from sidestep.lab.cluster.services import Near
from sidestep.lab.dns.names import cluster_first
from sidestep.lab.workload.containers import Probe
from sidestep.lab.workload.declared.pods import runs
from sidestep.lab.workload.declared.probes import probes_of
from sidestep.semantics.loose import annotations_of, as_text, labels_of


def agent_pod(pod: Tree, netns: str, services: Near, say: Callable[[str], None]) -> Pod:
    """What the agent runs for a pod.

    Args:
        pod: the object, with its addresses.
        netns: path of its namespace.
        services: of the pod's namespace.
        say: told of what could not be understood.
    """
    meta = meta_of(pod)
    namespace = str(meta["namespace"])
    found = runs(pod, services)
    for problem in found.problems:
        say(problem)
    return Pod(
        str(meta["uid"]),
        str(meta["name"]),
        namespace,
        netns,
        addresses_of(pod),
        found.containers,
        cluster_first(namespace, DNS, DOMAIN),
        as_text(spec_of(pod).get("serviceAccountName")) or "default",
        node_of(pod),
        labels_of(pod),
        health_port(annotations_of(pod)),
        _led_probes(pod),
    )


def _led_probes(pod: Tree) -> dict[str, Probe]:
    """Probes that the proxy's agent makes on behalf of the node, by path."""
    read = {path: probes_of({"readinessProbe": each}, ()) for path, each in probers_of(pod).items()}
    return {path: found[0] for path, found in read.items() if found}
