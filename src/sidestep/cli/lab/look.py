"""Verbs that only look: `status`, `ls`, `get`, `logs`, `top`, `certs`, `config-dump`, `verify`."""

import click

from sidestep.cli.lab.choices import (
    WIDE,
    client,
    kind_key,
    lab_name,
    output,
    output_or_wide,
    show,
    terminal_width,
)
from sidestep.cli.lab.completion import kinds, pods
from sidestep.cli.options import Duration
from sidestep.errors import UsageError, WorldError
from sidestep.lab.api import messages as api
from sidestep.report.lab import tables
from sidestep.report.lab.columns import columns_of


@click.command("status")
@lab_name
@output
def status(lab: str, output: str) -> None:
    """Say how the lab is, and what is not yet as wanted."""
    told = client(lab).ask(api.Status())
    show(output, told, lambda: tables.status_text(told))


@click.command("ls")
@click.argument("kind", default="pods", shell_complete=kinds)
@click.option("-n", "--namespace", metavar="NS", help="Only this namespace.  [default: all]")
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces (the default).")
@lab_name
@output_or_wide
def ls(kind: str, namespace: str | None, all_namespaces: bool, lab: str, output: str) -> None:
    """List objects of a kind: pods unless another is named."""
    key = kind_key(kind)
    told = client(lab).ask(api.List(key, None if all_namespaces else namespace))
    show(output, told, lambda: tables.table(told, columns_of(key, wide=output == WIDE), terminal_width()))


@click.command("get")
@click.argument("what", metavar="KIND[/NAME]", shell_complete=kinds)
@click.argument("name", required=False)
@click.option("-n", "--namespace", metavar="NS", help="Namespace.  [default: any]")
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces (the default).")
@lab_name
@output_or_wide
def get(  # noqa: PLR0917 - as kubectl has them
    what: str, name: str | None, namespace: str | None, all_namespaces: bool, lab: str, output: str
) -> None:
    """Show objects of a kind, or one of them: `sidestep lab get deployment/web -o yaml`."""
    kind, _, named = what.partition("/")
    if named and name:
        raise UsageError(f"{what} and {name} are two names", remedy="write KIND/NAME or KIND NAME")
    key, wanted = kind_key(kind), named or name
    told = client(lab).ask(api.List(key, None if all_namespaces else namespace))
    found = [each for each in told if wanted in {None, each["metadata"]["name"]}]
    if wanted and not found:
        raise WorldError("there is no such object", where=f"{key} {wanted}", remedy=f"see `sidestep lab ls {kind}`")
    one = found[0] if wanted and len(found) == 1 else found
    show(output, one, lambda: tables.table(found, columns_of(key, wide=output == WIDE), terminal_width()))


@click.command("logs")
@click.argument("name", metavar="NS/POD|PROCESS", shell_complete=pods)
@click.option("-c", "--container", default="", metavar="NAME", help="Only this container.  [default: all]")
@click.option("--tail", "lines", type=click.IntRange(1), default=100, show_default=True, help="Only the last lines.")
@lab_name
def logs(name: str, container: str, lines: int, lab: str) -> None:
    """Print what a pod, a proxy (`envoy/node-1`), an agent, `controlplane` or `machine` wrote.

    A pod's own proxy is its container istio-proxy.

    A built-in workload writes down each request that it answered, probes left out.
    """
    told = client(lab).ask(api.Logs(name, lines, container))
    for line in told:
        click.echo(line)
    if not told:
        click.echo(f"{name} has written nothing yet", err=True)


@click.command("top")
@click.option("--interval", type=Duration(), default="1s", show_default=True, help="Measure over this long.")
@lab_name
@output
def top(interval: float, lab: str, output: str) -> None:
    """Show CPU and memory of every process: what a mesh costs, measured by each process's own clock.

    WAITED is how much of the time its threads could have run while others had the processors. Where that is much,
    requests time out because the machine is busy, whatever the mesh does.
    """
    told = client(lab, interval + 60).ask(api.Top(interval))
    show(output, told, lambda: tables.table(told, tables.usage_columns(), terminal_width()))


@click.command("certs")
@lab_name
@output
def certs(lab: str, output: str) -> None:
    """Show the certificates that proxies hold: identity, serial number, times; never a key."""
    told = client(lab).ask(api.Certificates())
    show(output, told, lambda: tables.table(told, tables.certificate_columns(), terminal_width()))


@click.command("config-dump")
@click.argument("name", metavar="NODE|NS/POD", shell_complete=pods)
@lab_name
def config_dump(name: str, lab: str) -> None:
    """Print what the proxy of a node, or of a pod (sidecar, waypoint, gateway), was told, as JSON."""
    told = client(lab).ask(api.ConfigDump(name))
    show("json", told, str)


@click.command("verify")
@lab_name
@output
def verify(lab: str, output: str) -> int:
    """Ask packets whether proxies take what leaves pods and comes in, as they should; exit with 2 where not."""
    told = client(lab, 600).ask(api.Verify())
    show(output, told, lambda: tables.table(told, tables.verify_columns(), terminal_width()))
    return 0 if all(each["right"] for each in told) else 2
