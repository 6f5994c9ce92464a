"""A small mesh in a namespace of a real API server, a plan of it, and the command that carries it out."""

import json
import subprocess
from itertools import count

import msgspec
from msgspec.structs import replace
from tests.support.commands import PROGRAMS, environment, sidestep

from sidestep.plan.reading import read_plan
from sidestep.plan.signature import digest
from sidestep.plan.steps import Gate

SPACES = (f"migrated-{number}" for number in count())
LOGS = count()
MODE, INJECT, NEVER = "istio.io/dataplane-mode", "sidecar.istio.io/inject", "test.sidestep.dev/never"


def objects(space):
    """Two servers with sidecars, one of which is guarded by rules about methods."""
    yield {
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": space, "labels": {"istio-injection": "enabled"}},
    }  # fmt: skip
    for name in ("web", "orders"):
        labels = {"app": name}
        container = {"name": name, "image": "registry.example.com/x", "ports": [{"containerPort": 8080}]}
        yield {
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": space},
        }  # fmt: skip
        yield {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": space},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"serviceAccountName": name, "containers": [container]},
                },
            },
        }  # fmt: skip
        yield {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }  # fmt: skip
    rule = {"to": [{"operation": {"methods": ["DELETE"]}}]}
    yield {
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "guard", "namespace": space},
        "spec": {"selector": {"matchLabels": {"app": "orders"}}, "action": "DENY", "rules": [rule]},
    }  # fmt: skip


class Migration:
    """A namespace with a mesh in it, a plan of it, and the command."""

    def __init__(self, kubernetes, folder):
        self.kubernetes, self.folder, self.space = kubernetes, folder, next(SPACES)
        self.trees = list(objects(self.space))
        kubernetes.have(*self.trees)
        (folder / "mesh.json").write_text("\n".join(map(json.dumps, self.trees)))
        done = sidestep("plan", "--from", folder / "mesh.json", "--out", folder / "plan", "-q")
        assert done.returncode == 0, done.stderr
        self.kubeconfig = kubernetes.api.admin()

    def log_in(self, name, **more):
        """Be another administrator from here on."""
        user = self.kubernetes.api.certificate_user(name, "system:masters", **more)
        self.kubeconfig = self.kubernetes.api.kubeconfig(name, user)

    def arguments(self, *arguments, verb="", plan=None):
        where = ("--kubeconfig", self.kubeconfig, "-n", self.space)
        return [
            "migrate",
            *((verb,) if verb else ("--plan", plan or self.folder / "plan", "--force")),
            *where,
            *arguments,
        ]

    def run(self, *arguments, **more):
        return sidestep(*map(str, self.arguments(*arguments, **more)))

    def begun(self, *arguments, **more):
        """The command, under way, with its stream."""
        command = [PROGRAMS / "sidestep", *self.arguments(*arguments, "-o", "jsonl", **more)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def changed(self, change, name="web"):
        """What somebody with an editor makes of a Deployment's pods, by a function of their labels."""
        path = f"/apis/apps/v1/namespaces/{self.space}/deployments/{name}"
        self.kubernetes.api.edit(path, lambda tree: change(labels_of_pods(tree)))

    def read(self, kind, name):
        plural = {
            "Deployment": "apis/apps/v1/namespaces/{}/deployments",
            "Gateway": "apis/gateway.networking.k8s.io/v1/namespaces/{}/gateways",
        }
        listed = self.kubernetes.api.send("GET", "/" + plural[kind].format(self.space))["items"]
        return next((each for each in listed if each["metadata"]["name"] == name), None)

    def labels(self, name="web"):
        """Of a Deployment's pods."""
        return labels_of_pods(self.read("Deployment", name))

    def modes(self):
        return [self.labels(name).get(MODE) for name in ("web", "orders")]

    def stands(self):
        """Whether the waypoint is there, and who is in ambient."""
        return self.read("Gateway", "waypoint") is not None, self.modes()


class Carrying:
    """The command while it carries a plan out, with what it says.

    Args:
        migration: whose.
        arguments: beside those that every run has.
        verb, plan: as of `Migration.run`.
        prefix: a command that runs the command.
    """

    def __init__(self, migration, *arguments, verb="", plan=None, prefix=()):
        self.log = migration.folder / f"said-{next(LOGS)}"
        self.process = self._begun(
            [*prefix, PROGRAMS / "sidestep", *migration.arguments(*arguments, "-o", "jsonl", verb=verb, plan=plan)]
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def _begun(self, command):
        with self.log.open("w") as said:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment())

    def reaches(self, kind, step=""):
        """Wait until it tells an event of that type, of a step whose name begins so."""
        told = map(json.loads, self.process.stdout)
        return any(event["type"] == kind and event.get("step", "").startswith(step) for event in told)

    @property
    def said(self):
        """To people, so far."""
        return self.log.read_text()

    @property
    def is_over(self):
        """Whether it has ended."""
        return self.process.poll() is not None

    def ended(self):
        """Its exit code and what it said, once it has ended."""
        self.process.communicate(timeout=240)
        return self.process.returncode, self.said


BEFORE, AFTER = (False, [None, None]), (True, ["ambient", "ambient"])


def labels_of_pods(tree):
    return tree["spec"]["template"]["metadata"]["labels"]


def resigned(migration, change):
    """The plan, as another one would be signed."""
    found = read_plan((migration.folder / "plan" / "plan.json").read_bytes())
    found = change(found)
    found = replace(found, signature=replace(found.signature, digest=digest(msgspec.json.encode(found))))
    (migration.folder / "other.json").write_bytes(msgspec.json.encode(found))
    return migration.folder / "other.json"


def ungated(plan, but=""):
    """The plan without what asks a Prometheus, but for gates of one name."""
    gates = {step.id for step in plan.steps if isinstance(step.effect, Gate) and step.effect.name != but}

    def kept(names):
        return tuple(name for name in names if name not in gates)

    steps = tuple(replace(step, after=kept(step.after)) for step in plan.steps if step.id not in gates)
    waves = tuple(replace(wave, steps=kept(wave.steps), rollback=kept(wave.rollback)) for wave in plan.waves)
    return replace(plan, steps=steps, waves=waves)
