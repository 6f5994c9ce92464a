"""Verbs that send requests: `curl` and `call`."""

from typing import Any

import click

from sidestep.cli.lab.choices import client, lab_name, output, show
from sidestep.cli.lab.completion import pods
from sidestep.cli.options import Duration
from sidestep.errors import UsageError
from sidestep.lab.api import messages as api
from sidestep.report.lab.tables import load_text, outcome_lines


@click.command("curl")
@click.argument("source", metavar="NS/POD", shell_complete=pods)
@click.argument("url")
@click.option("-X", "--request", "method", default="GET", show_default=True, metavar="METHOD", help="HTTP method.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="HTTP header. Repeatable.")
@click.option("-d", "--data", default="", metavar="TEXT", help="Body.")
@click.option("--timeout", type=Duration(), default="5s", show_default=True, help="Give up after this long.")
@lab_name
@output
def curl(source: str, url: str, lab: str, output: str, **values: Any) -> int:
    """Send a request from a pod to a URL: http, h2c, grpc, ws, tcp, tcp-first or dns; the answer, or why there is none.

    The beginning of the pod's name is enough where only one is meant. Exits with 2 when it was not answered.
    """
    headers = dict(map(_header, values["headers"]))
    request = api.Call(source, url, 1, values["method"], headers, values["data"], values["timeout"])
    (told,) = client(lab, values["timeout"] + 30).ask(request)
    show(output, told, lambda: _answer(told))
    return 0 if told["ok"] else 2


@click.command("call")
@click.argument("source", metavar="NS/POD", shell_complete=pods)
@click.argument("target", metavar="NS/SERVICE[:PORT]|URL")
@click.option("-c", "--count", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How often.")
@click.option("-X", "--request", "method", default="GET", show_default=True, metavar="METHOD", help="HTTP method.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="HTTP header. Repeatable.")
@click.option("--timeout", type=Duration(), default="5s", show_default=True, help="Give up on each after this long.")
@lab_name
@output
def call(source: str, target: str, lab: str, output: str, **values: Any) -> int:
    """Send requests from one pod to a service, and say what became of each and which pod answered.

    Exits with 2 when one was not answered.
    """
    url = target if "://" in target else _url(target)
    count, timeout = values["count"], values["timeout"]
    request = api.Call(source, url, count, values["method"], dict(map(_header, values["headers"])), timeout=timeout)
    told = client(lab, timeout * count + 30).ask(request)
    show(output, told, lambda: outcome_lines(told))
    return 0 if all(each["ok"] for each in told) else 2


@click.command("load")
@click.argument("source", metavar="NS/POD", shell_complete=pods)
@click.argument("target", metavar="NS/SERVICE[:PORT]|URL")
@click.option("--rate", type=click.FloatRange(0.1, 20_000), default=100.0, show_default=True, help="Requests a second.")
@click.option("--duration", type=Duration(), default="10s", show_default=True, help="For how long.")
@click.option("--connections", type=click.IntRange(1, 1000), default=8, show_default=True, help="At most so many.")
@click.option("--fresh", is_flag=True, help="A new connection for every request.")
@lab_name
@output
def load(source: str, target: str, lab: str, output: str, **values: Any) -> int:
    """Send requests by the clock, whether or not earlier ones were answered, and count what became of them.

    Latency counts from when a request was due, so that a stall shows in all that it held up. Exits with 2 when one
    was not answered.
    """
    url = target if "://" in target else _url(target)
    seconds = values["duration"]
    request = api.Load(source, url, values["rate"], seconds, values["connections"], values["fresh"])
    told = client(lab, seconds + 90).ask(request)
    show(output, told, lambda: load_text(told))
    return 0 if told["ok"] == told["sent"] else 2


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise UsageError(f"{text!r} is no header", remedy="write 'NAME: VALUE'")
    return name.strip(), value.strip()


def _url(target: str) -> str:
    name, colon, port = target.partition(":")
    namespace, slash, service = name.rpartition("/")
    host = f"{service}.{namespace}" if slash else service
    return f"http://{host}{colon}{port}/"


def _answer(told: dict[str, Any]) -> str:
    return told["body"] + ("" if told["body"].endswith("\n") else "\n") if told["ok"] else outcome_lines([told])
