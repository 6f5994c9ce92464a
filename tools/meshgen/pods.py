"""Pods from templates: written as text, of which only names, nodes and numbers differ."""

import json
from collections.abc import Iterator
from typing import Any

from tools.meshgen.config import START
from tools.meshgen.objects import Object, meta, thing

_TOKENS = ("@name@", "@node@", "@id@", "@ip@")


class PodText:
    """The JSON of a pod with places for what differs between replicas.

    `@name@` its name, `@node@` where it runs, `@id@` five characters as Kubernetes makes them, `@ip@` its address.
    """

    def __init__(self, template: Object, space: str, owners: list[Object], **extra: Any) -> None:
        self._text = json.dumps(_pod(template, space, owners, **extra), separators=(",", ":"))

    def fill(self, name: str, node: str, number: int) -> str:
        suffix = f"{number % 33_554_432:05x}"[-5:]
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        text = self._text
        for token, value in zip(_TOKENS, (name, node, suffix, address), strict=True):
            text = text.replace(token, value)
        return text


def _pod(
    template: Object,
    space: str,
    owners: list[Object],
    *,
    started: str = START,
    phase: str = "Running",
    oom: bool = False,
    own_labels: bool = False,
    calico: bool = False,
) -> Object:
    labels = dict(template["metadata"]["labels"])
    annotations = dict(template["metadata"].get("annotations", {}))
    if own_labels:
        labels |= {"statefulset.kubernetes.io/pod-name": "@name@", "apps.kubernetes.io/pod-index": "0"}
    if calico:
        annotations |= {"cni.projectcalico.org/podIP": "@ip@/32", "cni.projectcalico.org/containerID": "@id@" * 12}
    metadata = meta("@name@", space, labels=labels, annotations=annotations, ownerReferences=owners)
    metadata |= {"uid": "0c1d2e3f-0000-4000-8000-@id@", "creationTimestamp": started}
    if not owners:
        del metadata["ownerReferences"]
    return thing(
        "v1", "Pod", metadata, spec=_spec(template["spec"]), status=_status(template["spec"], started, phase, oom=oom)
    )


def _spec(spec: Object) -> Object:
    token = {
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        "name": "kube-api-access-@id@",
        "readOnly": True,
    }
    found = dict(spec)
    for part in ("containers", "initContainers"):
        if spec.get(part):
            found[part] = [{**c, "volumeMounts": [*c.get("volumeMounts", []), token]} for c in spec[part]]
    tolerations = [
        {"effect": "NoExecute", "key": f"node.kubernetes.io/{key}", "operator": "Exists", "tolerationSeconds": 300}
        for key in ("not-ready", "unreachable")
    ]
    return found | {
        "nodeName": "@node@",
        "serviceAccountName": found.get("serviceAccountName", "default"),
        "schedulerName": "default-scheduler",
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "tolerations": [*spec.get("tolerations", []), *tolerations],
        "volumes": [*_scratch_volumes(spec), {"name": "kube-api-access-@id@", "projected": {"sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]}}],
    }  # fmt: skip


def _scratch_volumes(spec: Object) -> list[Object]:
    """What the containers mount: istiod brings a volume for each."""
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    names = {mount["name"] for container in containers for mount in container.get("volumeMounts", [])}
    return [{"name": name, "emptyDir": {}} for name in sorted(names)]


def _status(spec: Object, started: str, phase: str, *, oom: bool) -> Object:
    kinds = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "phase": phase,
        "podIP": "@ip@",
        "podIPs": [{"ip": "@ip@"}],
        "hostIP": "10.0.0.1",
        "qosClass": "Burstable",
        "startTime": started,
        "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": started} for kind in kinds
        ],
        "containerStatuses": [_container_status(c, started, oom=oom) for c in spec["containers"]],
        "initContainerStatuses": [_container_status(c, started, oom=oom) for c in spec.get("initContainers", [])],
    }


def _container_status(container: Object, started: str, *, oom: bool) -> Object:
    killed = oom and container["name"] == "istio-proxy"
    last: Object = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": started}} if killed else {}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": f"{container['image']}@sha256:{'0a1b2c3d' * 8}",
        "containerID": f"containerd://{'@id@' * 12}abcd",
        "ready": True,
        "started": True,
        "restartCount": 3 if killed else 0,
        "state": {"running": {"startedAt": started}},
        "lastState": last,
    }


def filled(text: PodText, prefix: str, nodes: Iterator[str], count: int, first: int) -> Iterator[str]:
    """`count` replicas on the next nodes."""
    for number in range(first, first + count):
        yield text.fill(f"{prefix}-{number:05x}", next(nodes), number)
