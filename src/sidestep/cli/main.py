"""The command line: verbs are imported only when they run, so that `--help` is instant."""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from sidestep import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "audit": ("sidestep.cli.audit", "Show who carries a sidecar and why, what it costs, and what is wrong already."),
    "completion": ("sidestep.cli.completion", "Print the script that completes commands and options in a shell."),
    "convert": (
        "sidestep.cli.convert",
        "Rewrite policies, routes and templates for ambient, and name everything that cannot be carried over.",
    ),
    "explain": (
        "sidestep.cli.explain",
        "Say what happens to one request, today and after the migration: path, verdict, and who decides it.",
    ),
    "lab": (
        "sidestep.cli.lab.group",
        "An ambient mesh on this machine: pods are network namespaces, the real Envoy moves the packets.",
    ),
    "migrate": (
        "sidestep.cli.migrate.group",
        "Carry a plan out in a cluster: waves with gates, journal, pause, resume and undo.",
    ),
    "plan": ("sidestep.cli.plan", "Decide for each workload what becomes of it, and in which order."),
    "prove": (
        "sidestep.cli.prove",
        "Prove that two meshes mean the same, or show a request that they answer differently.",
    ),
    "rbac": ("sidestep.cli.rbac", "Print the least roles that a full audit needs, or one plan."),
    "rehearse": (
        "sidestep.cli.rehearse",
        "Carry a plan out in a lab on this machine, under load, wave by wave, and take it back.",
    ),
    "snapshot": ("sidestep.cli.snapshot", "Write everything that an audit needs into one file."),
}
DEBUG = "SIDESTEP_DEBUG"
EXIT_CODES = """\b
Exit codes:
  0  clean
  1  tool or usage error, or partial with --require-complete
  2  findings at or above --fail-on
"""


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps without importing them.

    Args:
        table: commands by name: where each is (`module` with a `command`, or `module:attribute`), and its help.
        options: click's own.
    """

    def __init__(self, *, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self._table = table

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """All commands."""
        return sorted(self._table)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The command of a name, imported now."""
        if name not in self._table:
            return None
        module, _, attribute = self._table[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute or "command")
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(self._table.items())])


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    invoke_without_command=True,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Take a Kubernetes cluster off Istio sidecars onto ambient mesh.

    Everything is read-only unless you say --apply. Data goes to stdout, progress and messages to stderr.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run the command line and exit."""
    raise SystemExit(run(sys.argv))


def run(argv: list[str]) -> int:
    """Run with arguments, the program's name first; returns the exit code and never lets a traceback out."""
    return _guarded(lambda: cli.main(argv[1:], prog_name=program(argv[0]), standalone_mode=False))


def program(called: str) -> str:
    """The name for help: a kubectl plug-in is called `kubectl sidestep`."""
    name = os.path.basename(called)  # noqa: PTH119 - one split of a string, without importing pathlib
    return "kubectl sidestep" if name.startswith("kubectl-") else "sidestep"


def _guarded(action: Callable[[], Any]) -> int:
    from sidestep.errors import SidestepError  # noqa: PLC0415 - kept off the path of --help

    try:
        return action() or 0
    except click.ClickException as error:
        error.show()
        return 1
    except SidestepError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        click.echo(f"error: a fault in sidestep itself: {type(error).__name__}: {error}", err=True)
        click.echo(f"  to fix: please report it with the output of {DEBUG}=1 {' '.join(sys.argv)}", err=True)
        return 1
