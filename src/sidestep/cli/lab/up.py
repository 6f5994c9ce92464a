"""`sidestep lab up` and `down`."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from sidestep.cli.lab.amounts import Share
from sidestep.cli.lab.choices import lab_name
from sidestep.cli.lab.manifests import objects_in
from sidestep.cli.lab.node_proxy import NodeProxy
from sidestep.cli.lab.progress import pods_ready
from sidestep.cli.options import Duration
from sidestep.cli.reading import Manner
from sidestep.errors import TransportError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.cluster.unheeded import unheeded
from sidestep.lab.lab import Lab, nodes
from sidestep.report.lab.notes import unheeded_lines
from sidestep.report.lab.tables import status_text


@click.command("up")
@click.argument("manifests", nargs=-1, metavar="FILE|DIR|-...")
@lab_name
@click.option("--nodes", "node_count", type=click.IntRange(1, 200), default=3, show_default=True, help="Nodes.")
@click.option(
    "--zones", type=click.IntRange(1, 26), default=1, show_default=True, help="Zones that nodes stand in: lab/zone-a, …"
)
@click.option("--delay", type=Duration(), help="Time that packets take between zones, each way: 1ms.")
@click.option("--loss", type=Share(), default=0.0, metavar="SHARE", help="Share of packets lost between zones: 0.1%.")
@click.option("--concurrency", type=click.IntRange(1, 16), default=1, show_default=True, help="Threads of each proxy.")
@click.option("--node-proxy", type=NodeProxy(), default="envoy", metavar="envoy|ztunnel=PATH", help="Proxy of nodes.")
@click.option("--detach", "-d", is_flag=True, help="Return when it is up; it stays until `sidestep lab down`.")
@click.option("--timeout", type=Duration(), default="60s", show_default=True, help="Give up waiting after this long.")
@click.option("--partial", is_flag=True, help="Stay up though something is not as wanted after that time.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def up(**values: Any) -> int:
    """Bring manifests up as a small cluster on this machine.

    Kubernetes and Istio YAML as it is, a folder, an archive or a snapshot: Deployments, StatefulSets, DaemonSets, Jobs,
    Services, policies. A test workload stands in for images: it answers at the declared ports and says what it saw.
    Namespaces labelled istio.io/dataplane-mode=ambient are captured from their pods' first packet.

    In the foreground it stays until Ctrl-C.
    """
    manner = Manner(quiet=values["quiet"])
    objects = objects_in(values["manifests"], manner)
    started = time.monotonic()
    lab = Lab(
        objects,
        name=values["lab"],
        nodes=nodes(values["node_count"], values["zones"]),
        concurrency=values["concurrency"],
        ztunnel=values["node_proxy"],
        delay=values["delay"] or 0.0,
        loss=values["loss"],
    )
    say: Callable[[str], None] = (lambda _: None) if manner.quiet else lambda text: click.echo(text, err=True)
    with _ends_with_us(lab):
        status = _settled(lab, values["timeout"], manner, partial=values["partial"])
        say(status_text(status).rstrip("\n"))
        for each in unheeded_lines(unheeded(objects)):
            say(f"note: {each}")
        say(f"up after {time.monotonic() - started:.1f} s; `sidestep lab --help` shows what to do now")
        if values["detach"]:
            lab.let_go()
            return 0
        say("Ctrl-C ends it")
        _stay(lab)
    return 0


@click.command("down")
@lab_name
def down(lab: str) -> None:
    """End a lab; nothing of it is left."""
    there = Lab(name=lab).down()
    click.echo(f"lab {lab} is down" if there else f"no lab {lab} was up", err=True)


@contextmanager
def _ends_with_us(lab: Lab) -> Iterator[None]:
    """Launch it; whatever goes wrong afterwards, and Ctrl-C, takes it down."""
    lab.launch()
    try:
        yield
    except BaseException:
        lab.down()
        raise


def _settled(lab: Lab, timeout: float, manner: Manner, *, partial: bool) -> dict[str, Any]:
    """How the lab is once everything is as wanted, or, if that is enough, after the time."""
    try:
        with pods_ready(manner) as heard:
            return lab.settle(timeout, heard)
    except WorldError as error:
        status = _status(lab)
        if status is None:
            raise
        if partial:
            return status
        click.echo(status_text(status), err=True, nl=False)
        remedy = "mend what is named above, wait longer with --timeout, or stay up all the same with --partial"
        raise WorldError(error.message, remedy=remedy) from error


def _status(lab: Lab) -> dict[str, Any] | None:
    """How it is, if it is."""
    try:
        told: dict[str, Any] = lab.client.ask(api.Status())
    except TransportError:
        return None
    return told


def _stay(lab: Lab) -> None:
    """Until it ends, or is to.

    Raises:
        WorldError: it ended by itself.
    """
    if lab.process is None:
        return
    try:
        code = lab.process.wait()
    except KeyboardInterrupt:
        click.echo("ending", err=True)
        code = 0
    if code:
        raise lab.ended()
    lab.down()
