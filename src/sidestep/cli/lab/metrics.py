"""`sidestep lab metrics`: what the nodes' proxies count, as Prometheus reads it."""

import click

from sidestep.cli.lab.choices import client, lab_name
from sidestep.lab.api import messages as api


@click.command("metrics")
@lab_name
def metrics(lab: str) -> None:
    """Print connections and bytes by ztunnel's names and labels, in the text format of Prometheus."""
    click.echo(client(lab).ask(api.Metrics()), nl=False)
