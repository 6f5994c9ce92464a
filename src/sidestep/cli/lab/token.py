"""`sidestep lab token`: tokens of the lab's issuer, for RequestAuthentications."""

import json

import click

from sidestep.cli.lab.choices import client, lab_name
from sidestep.errors import UsageError
from sidestep.lab.api import messages as api


@click.command("token")
@lab_name
@click.option(
    "--expires", "seconds", default=3600, show_default=True, help="Seconds; below 0 for one that has expired."
)
@click.option("--keys", is_flag=True, help="Print the issuer's keys (JWKS) instead.")
@click.argument("claims", nargs=-1, metavar="[CLAIM=VALUE]...")
def token(lab: str, seconds: int, claims: tuple[str, ...], *, keys: bool) -> None:
    """Sign a token as the lab's issuer, with the claims that are named.

    Its issuer is https://issuer.sidestep.dev unless `iss=` names another. Example: `sidestep lab token sub=ann`.
    """
    told = client(lab).ask(api.Token(dict(map(_claim, claims)), seconds, keys))
    click.echo(json.dumps(told) if keys else told)


def _claim(written: str) -> tuple[str, str]:
    name, found, value = written.partition("=")
    if not found or not name:
        raise UsageError(f"{written} is no claim", remedy="write claims like sub=ann")
    return name, value
