"""Verbs that only look: `status`, `ls`, `logs`, `top`, `certs`, `config-dump`, `verify`."""

import click

from sidestep.cli.lab.choices import client, kind_key, lab_name, output, show
from sidestep.cli.options import Duration
from sidestep.lab.api import messages as api
from sidestep.report.lab import tables

_COLUMNS = {"pods": tables.pod_columns, "services": tables.service_columns}


@click.command("status")
@lab_name
@output
def status(lab: str, output: str) -> None:
    """Say how the lab is, and what is not yet as wanted."""
    told = client(lab).ask(api.Status())
    show(output, told, lambda: tables.status_text(told))


@click.command("ls")
@click.argument("kind", default="pods")
@click.option("-n", "--namespace", metavar="NS", help="Only this namespace.  [default: all]")
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces (the default).")
@lab_name
@output
def ls(kind: str, namespace: str | None, all_namespaces: bool, lab: str, output: str) -> None:
    """List objects of a kind: pods unless another is named."""
    key = kind_key(kind)
    told = client(lab).ask(api.List(key, None if all_namespaces else namespace))
    show(output, told, lambda: tables.table(told, _COLUMNS.get(key, tables.object_columns)()))


@click.command("logs")
@click.argument("name", metavar="NS/POD|PROCESS")
@click.option("--tail", "lines", type=click.IntRange(1), default=100, show_default=True, help="Only the last lines.")
@lab_name
def logs(name: str, lines: int, lab: str) -> None:
    """Print what a pod, a proxy (`envoy/node-1`), an agent, `controlplane` or `machine` wrote."""
    for line in client(lab).ask(api.Logs(name, lines)):
        click.echo(line)


@click.command("top")
@click.option("--interval", type=Duration(), default="1s", show_default=True, help="Measure over this long.")
@lab_name
@output
def top(interval: float, lab: str, output: str) -> None:
    """Show CPU and memory of every process: what a mesh costs, measured by each process's own clock."""
    told = client(lab, interval + 60).ask(api.Top(interval))
    show(output, told, lambda: tables.table(told, tables.usage_columns()))


@click.command("certs")
@lab_name
@output
def certs(lab: str, output: str) -> None:
    """Show the certificates that proxies hold: identity, serial number, times; never a key."""
    told = client(lab).ask(api.Certificates())
    show(output, told, lambda: tables.table(told, tables.certificate_columns()))


@click.command("config-dump")
@click.argument("node")
@lab_name
def config_dump(node: str, lab: str) -> None:
    """Print what a node's proxy was told, as JSON."""
    told = client(lab).ask(api.ConfigDump(node))
    show("json", told, str)


@click.command("verify")
@lab_name
@output
def verify(lab: str, output: str) -> int:
    """Ask the kernel and the packets whether pods are captured as labels say; exit with 2 when one is not."""
    told = client(lab, 600).ask(api.Verify())
    show(output, told, lambda: tables.table(told, tables.verify_columns()))
    return 0 if all(each["right"] for each in told) else 2
