"""`sidestep lab up` and `down`."""

import time
from typing import Any

import click

from sidestep.cli.lab.choices import lab_name
from sidestep.cli.options import Duration, chosen_source
from sidestep.cli.reading import Manner, read_mesh
from sidestep.lab.cluster.intake import objects_of
from sidestep.lab.lab import Lab, nodes
from sidestep.report.lab.tables import status_text


@click.command("up")
@click.argument("manifests", nargs=-1, metavar="FILE|DIR|-...")
@lab_name
@click.option("--nodes", "node_count", type=click.IntRange(1, 200), default=3, show_default=True, help="Nodes.")
@click.option("--zones", type=click.IntRange(1, 26), default=1, show_default=True, help="Zones that nodes stand in.")
@click.option("--concurrency", type=click.IntRange(1, 16), default=1, show_default=True, help="Threads of each proxy.")
@click.option("--detach", "-d", is_flag=True, help="Return when it is up; it stays until `sidestep lab down`.")
@click.option("--timeout", type=Duration(), default="60s", show_default=True, help="Give up waiting after this long.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def up(**values: Any) -> int:
    """Bring manifests up as a small cluster on this machine.

    Kubernetes and Istio YAML as it is, a folder, an archive or a snapshot: Deployments, StatefulSets, DaemonSets, Jobs,
    Services, policies. A test workload stands in for images: it answers at the declared ports and says what it saw.
    Namespaces labelled istio.io/dataplane-mode=ambient are captured from their pods' first packet.

    In the foreground it stays until Ctrl-C.
    """
    manner = Manner(quiet=values["quiet"])
    started = time.monotonic()
    lab = Lab(
        _objects(values["manifests"], manner),
        name=values["lab"],
        nodes=nodes(values["node_count"], values["zones"]),
        concurrency=values["concurrency"],
    )
    lab.launch()
    try:
        status = lab.settle(values["timeout"])
    except BaseException:
        lab.down()
        raise
    if not manner.quiet:
        click.echo(status_text(status), err=True, nl=False)
        click.echo(f"up after {time.monotonic() - started:.1f} s; `sidestep lab --help` shows what to do now", err=True)
    return 0 if values["detach"] else _stay(lab, manner)


@click.command("down")
@lab_name
def down(lab: str) -> None:
    """End a lab; nothing of it is left."""
    Lab(name=lab).down()
    click.echo(f"lab {lab} is down", err=True)


def _objects(manifests: tuple[str, ...], manner: Manner) -> tuple[dict[str, Any], ...]:
    if not manifests:
        return ()
    options = {"paths": manifests, "context": None, "kubeconfig": None, "namespaces": (), "selector": ""}
    source = chosen_source({**options, "request_timeout": 60.0, "all_namespaces": False})
    return objects_of(read_mesh(source, manner, require_complete=False))


def _stay(lab: Lab, manner: Manner) -> int:
    if not manner.quiet:
        click.echo("Ctrl-C ends it", err=True)
    try:
        if lab.process is not None:
            lab.process.wait()
    except KeyboardInterrupt:
        click.echo("ending", err=True)
    finally:
        lab.down()
    return 0
