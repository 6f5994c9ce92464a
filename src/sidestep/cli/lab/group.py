"""`sidestep lab`: the group of its verbs, imported only when they run."""

import click

from sidestep.cli.main import LazyGroup

VERBS: dict[str, tuple[str, str]] = {
    "apply": ("sidestep.cli.lab.objects:apply", "Create or change objects of a running lab."),
    "bench": ("sidestep.cli.lab.bench:bench", "Measure what no mesh, sidecars and ambient cost on this machine."),
    "call": ("sidestep.cli.lab.traffic:call", "Send requests from one pod to another by its name."),
    "certs": ("sidestep.cli.lab.look:certs", "Show the certificates that proxies hold."),
    "config-dump": ("sidestep.cli.lab.look:config_dump", "Print what a node's proxy was told."),
    "curl": ("sidestep.cli.lab.traffic:curl", "Send a request from a pod to a URL."),
    "delete": ("sidestep.cli.lab.objects:delete", "Delete objects."),
    "demo": ("sidestep.cli.lab.demo:demo", "Show a difference between sidecars and ambient by packets."),
    "down": ("sidestep.cli.lab.up:down", "End a lab; nothing of it is left."),
    "exec": ("sidestep.cli.lab.enter:enter", "Run a command of this machine in a pod's network."),
    "fault": ("sidestep.cli.lab.objects:fault", "Kill or stop a part of the lab, to see what that does."),
    "get": ("sidestep.cli.lab.look:get", "Show objects of a kind, or one of them."),
    "graph": ("sidestep.cli.lab.graph:graph", "Show who calls whom, and by what that was seen."),
    "label": ("sidestep.cli.lab.objects:label", "Set or take away labels: enrols and un-enrols live."),
    "load": ("sidestep.cli.lab.traffic:load", "Send requests by the clock, and count what became of them."),
    "logs": ("sidestep.cli.lab.look:logs", "Print what a pod, a proxy or a part of the lab wrote."),
    "ls": ("sidestep.cli.lab.look:ls", "List objects of a kind."),
    "metrics": ("sidestep.cli.lab.metrics:metrics", "Print what proxies count, as Prometheus reads it."),
    "restart": ("sidestep.cli.lab.objects:restart", "Exchange all pods of a workload, one after the other."),
    "rotate": ("sidestep.cli.lab.objects:rotate", "Exchange the root or intermediate certificate, live."),
    "scale": ("sidestep.cli.lab.objects:scale", "Change how many pods a workload has."),
    "status": ("sidestep.cli.lab.look:status", "Say how the lab is, and what is not yet as wanted."),
    "token": ("sidestep.cli.lab.token:token", "Sign a token as the lab's issuer, or print its keys."),
    "top": ("sidestep.cli.lab.look:top", "Show CPU and memory of every process."),
    "traces": ("sidestep.cli.lab.traces:traces", "List traces of requests, or show one of them span by span."),
    "up": ("sidestep.cli.lab.up:up", "Bring manifests up as a small cluster on this machine."),
    "verify": (
        "sidestep.cli.lab.look:verify",
        "Ask the packets whether pods are captured as their labels say.",
    ),
}


@click.group("lab", cls=LazyGroup, table=VERBS)
def command() -> None:
    """An ambient mesh on this machine: pods are network namespaces, the real Envoy moves the packets.

    Needs Linux, and neither root nor containers nor Kubernetes. Everything ends with `sidestep lab down`.
    """
