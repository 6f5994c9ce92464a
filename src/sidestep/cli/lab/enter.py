"""`sidestep lab exec`: a command of this machine, in a pod's network."""

import os

import click

from sidestep.cli.lab.choices import client, lab_name
from sidestep.cli.lab.completion import pods
from sidestep.lab.inside import inside


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("pod", metavar="NS/POD", shell_complete=pods)
@click.argument("argv", nargs=-1, required=True, metavar="-- COMMAND...", type=click.UNPROCESSED)
@lab_name
def enter(pod: str, argv: tuple[str, ...], lab: str) -> None:
    """Run a command of this machine in a pod's network, with the pod's names and addresses.

    `sidestep lab exec shop/web -- curl -v http://cart:8080/`
    """
    command = inside(client(lab), pod, argv)
    os.execv(command[0], command)  # noqa: S606 - what the user asked for
