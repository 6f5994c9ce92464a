"""`sidestep completion`."""

import click
from click.shell_completion import get_completion_class

from sidestep.cli.output import emit

_SHELLS = ("bash", "fish", "zsh")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    Try it with: source <(sidestep completion bash)
    """
    made = get_completion_class(shell)
    if made is not None:
        root = context.find_root().command
        emit(made(root, {}, "sidestep", "_SIDESTEP_COMPLETE").source() + "\n", None)
