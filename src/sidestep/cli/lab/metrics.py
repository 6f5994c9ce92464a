"""`sidestep lab metrics`: what the lab's proxies count, as Prometheus reads it."""

from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import click

from sidestep.cli.lab.choices import client, lab_name
from sidestep.lab.api import messages as api
from sidestep.lab.metrics.endpoint import Endpoint

_LOOPBACK = "127.0.0.1"


class Place(click.ParamType[tuple[str, int]]):
    """Where to listen: `9090`, `127.0.0.1:9090`, `[::1]:9090`."""

    name = "place"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> tuple[str, int]:
        """Address and port."""
        host, _, port = str(value).rpartition(":")
        host = host.strip("[]") or _LOOPBACK
        try:
            known = str(ip_address(host))
            if int(port) in range(1 << 16):
                return known, int(port)
        except ValueError:
            pass
        return self.fail(f"{value!r} is no place to listen; write e.g. 9090 or {_LOOPBACK}:9090")


@click.command("metrics")
@click.option("--serve", type=Place(), metavar="[ADDRESS:]PORT", help="Answer scrapes over HTTP until Ctrl-C.")
@lab_name
def metrics(serve: tuple[str, int] | None, lab: str) -> None:
    """Print what the lab's proxies count, in the text format of Prometheus.

    Connections and bytes by ztunnel's names and labels. With --serve a Prometheus can scrape them; port 0 takes any
    that is free.
    """
    line = client(lab)

    def text() -> str:
        told: str = line.ask(api.Metrics())
        return told

    if serve is None:
        click.echo(text(), nl=False)
        return
    text()
    with Endpoint(*serve, text) as endpoint, suppress(KeyboardInterrupt):
        click.echo(f"{endpoint.url}; Ctrl-C ends it", err=True)
        endpoint.serve_forever()
