"""A cluster whose API server and controllers are real, and whose nodes, kubelets, istiod and CNI are KWOK's stages."""

import base64
import json
import ssl
import subprocess
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.definitions import definitions, wait_for_definitions
from tests.support.servers import ApiServer, api_store, free_port, running, server_binary, tolerating

from sidestep.actions.worlds.cluster.server import Ask, Server
from sidestep.errors import TransportError
from sidestep.model.build import known_kind
from sidestep.sources.cluster.access import Access
from sidestep.sources.cluster.kubeconfig import cluster_access

STAGES = Path(__file__).parents[1] / "kwok" / "stages.yaml"
CONTROLLERS = (
    "deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob", "namespace", "garbage-collector",
    "resourcequota", "disruption", "endpointslice",
)  # fmt: skip
_DEFINED = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_QPS = "500"


@dataclass
class Cluster:
    """A running cluster.

    Attributes:
        api: its API server.
        asks: every request of ours since it began.
        process: that of the API server, which a test may end and start again.
        controllers: each of the others, by the file of what it said.
        closing: what is closed at the end.
    """

    api: ApiServer
    asks: list[Ask]
    process: "Process"
    controllers: dict[Path, subprocess.Popen[bytes]]
    closing: ExitStack

    def access(self, kubeconfig: str = "") -> Access:
        """As whom it is written to; the administrator unless told otherwise."""
        return cluster_access(kubeconfig or self.api.admin(), None, 20)

    def server(self, kubeconfig: str = "") -> Server:
        """A way to it that is counted, and closed at the end."""
        made = Server(self.access(kubeconfig), self.asks.append)
        self.closing.callback(made.close)
        return made

    def stand(self) -> None:
        """Every controller is still there; without one, a test would wait for what never comes."""
        for log, process in self.controllers.items():
            assert process.poll() is None, f"{log.stem} ended: {log.read_text()[-2000:]}"

    def have(self, *objects: dict[str, Any]) -> None:
        """Objects that stand, or are put there, for controllers that are there."""
        self.stand()
        for tree in objects:
            with tolerating(409):
                self.api.send("POST", collection(tree), tree)


class Process:
    """The API server's process, which a test may end and start again; who watches it would make its end slow."""

    def __init__(self, api: ApiServer, command: list[str]) -> None:
        self._api, self._command = api, command
        self._up = ExitStack()

    def start(self) -> None:
        self._up.enter_context(self._api.up(self._command, grace=0.1))

    def stop(self) -> None:
        self._up.close()


class Deaf(Server):
    """A way to a server whose answers are lost once, after it has done what it was asked.

    Attributes:
        deaf_to: methods whose next answer is lost.
    """

    deaf_to: frozenset[str] = frozenset()

    def ask(self, ask: Ask) -> Any:
        answer = super().ask(ask)
        if ask.method in self.deaf_to:
            self.deaf_to = self.deaf_to - {ask.method}
            raise TransportError("the connection broke", where=self.access.server)
        return answer


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait for what controllers do by and by."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come to be"
        time.sleep(0.05)


def collection(tree: dict[str, Any]) -> str:
    """The path to which an object is posted."""
    version, space = tree["apiVersion"], tree["metadata"].get("namespace", "")
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    kind = known_kind(version, tree["kind"])
    plural = kind.plural if kind else f"{tree['kind'].lower()}s"
    return f"{base}/namespaces/{space}/{plural}" if space else f"{base}/{plural}"


@contextmanager
def cluster(folder: Path, nodes: int = 2) -> Iterator[Cluster]:
    """A cluster with the definitions of Istio and Gateway API; skipped by name where a machine cannot have one."""
    programs = {name: server_binary(name) for name in ("kube-controller-manager", "kube-scheduler", "kwok")}
    with api_store(folder, "--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition") as (api, command):
        process = Process(api, command)
        process.start()
        try:
            for tree in (*definitions(), argo_rollout()):
                api.send("POST", _DEFINED, tree)
            wait_for_definitions(api)
            commands = _commands(folder, api.admin(), programs)
            with _controllers(folder, commands) as controllers, ExitStack() as closing:
                made = Cluster(api, [], process, controllers, closing)
                made.have(*(_node(number) for number in range(nodes)))
                until(lambda: made.stand() or _are_ready(api))
                yield made
        finally:
            process.stop()


@contextmanager
def _controllers(folder: Path, commands: dict[str, list[str]]) -> Iterator[dict[Path, subprocess.Popen[bytes]]]:
    logs = {folder / f"{name}.log": command for name, command in commands.items()}
    with ExitStack() as stack:
        yield {log: stack.enter_context(running(command, log)) for log, command in logs.items()}


def _commands(folder: Path, kubeconfig: str, programs: dict[str, Path]) -> dict[str, list[str]]:
    scheduling = folder / "scheduler.yaml"
    connection = {"kubeconfig": kubeconfig, "qps": int(_QPS), "burst": int(_QPS)}
    told = {
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False}, "clientConnection": connection,
    }  # fmt: skip
    scheduling.write_text(json.dumps(told))
    port = free_port()
    return {
        "kube-controller-manager": [
            str(programs["kube-controller-manager"]), "--kubeconfig", kubeconfig, "--leader-elect=false",
            "--secure-port=0", "--controllers", ",".join(f"{name}-controller" for name in CONTROLLERS),
            "--kube-api-qps", _QPS, "--kube-api-burst", _QPS, "--concurrent-deployment-syncs=10",
        ],
        "kube-scheduler": [str(programs["kube-scheduler"]), "--config", str(scheduling), "--secure-port=0"],
        "kwok": [
            str(programs["kwok"]), "--kubeconfig", kubeconfig, "--manage-all-nodes=true", "--config", str(STAGES),
            "--server-address", f"127.0.0.1:{port}", "--node-lease-duration-seconds=40",
        ],
    }  # fmt: skip


def _are_ready(api: ApiServer) -> bool:
    nodes = api.send("GET", "/api/v1/nodes")["items"]
    return all(
        any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))
        for node in nodes
    )


def _node(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": {"kubernetes.io/hostname": f"node-{number}"}},
    }  # fmt: skip


def argo_rollout() -> dict[str, Any]:
    """Argo's definition as far as anything here reads it."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rollouts.argoproj.io"},
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced",
            "names": {"plural": "rollouts", "kind": "Rollout", "singular": "rollout"},
            "versions": [{
                "name": "v1alpha1", "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }],
        },
    }  # fmt: skip


@contextmanager
def denying_webhook(api: ApiServer, namespace: str, why: str) -> Iterator[None]:
    """A real webhook on loopback that refuses every change of a Deployment in a namespace."""
    answer = {"allowed": False, "status": {"code": 403, "message": why}}

    class Denying(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            response = {"uid": asked["request"]["uid"], **answer}
            body = json.dumps({"apiVersion": asked["apiVersion"], "kind": asked["kind"], "response": response}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = [api.folder / "webhook.crt", api.folder / "webhook.key"]
    for file, content in zip(files, api.authority.issue("webhook"), strict=True):
        file.write_bytes(content)
    context.load_cert_chain(*files)
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    with ThreadingHTTPServer(("127.0.0.1", 0), Denying) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        config = {
            "url": f"https://127.0.0.1:{server.server_port}/",
            "caBundle": base64.b64encode(api.authority.pem()).decode(),
        }
        rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
        webhook = {
            "name": "never.test.sidestep.dev", "clientConfig": config, "rules": [rule], "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }  # fmt: skip
        api.send("POST", path, {"metadata": {"name": f"never-{namespace}"}, "webhooks": [webhook]})
        try:
            _wait_for_refusals(api, namespace)
            yield
        finally:
            api.send("DELETE", f"{path}/never-{namespace}")
            server.shutdown()
            serving.join()


def _wait_for_refusals(api: ApiServer, namespace: str) -> None:
    """An API server hears of its webhooks a moment after they are there."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    while True:
        (tree, *_) = api.send("GET", path)["items"]
        try:
            api.send("PUT", f"{path}/{tree['metadata']['name']}?dryRun=All", tree)
        except urllib.error.HTTPError as error:
            if error.code == 403:
                return
        time.sleep(0.05)
