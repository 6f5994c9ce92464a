"""`sidestep explain`."""

from typing import Any

import click

from sidestep.cli.answers import Kind, log_answer, matrix_answer, request_answer, symptom_report
from sidestep.cli.formats import chosen_format
from sidestep.cli.options import chosen_source, manner_options, source_options
from sidestep.cli.output import emit, look
from sidestep.cli.reading import Manner
from sidestep.report.explanation.formats import EXPLANATION_FORMATS, LOG_FORMATS, MATRIX_FORMATS, SYMPTOM_FORMATS
from sidestep.semantics.authentication.tokens import TokenState

_FORMATS = ("table", "json", "yaml", "markdown", "html", "csv")
_KINDS: dict[str, Kind] = {
    "log": Kind(LOG_FORMATS, log_answer),
    "symptom": Kind(SYMPTOM_FORMATS, symptom_report),
    "matrix": Kind(MATRIX_FORMATS, matrix_answer),
}
_EXIT_CODES = """\b
Exit codes:
  0  answered, whatever the answer is
  1  tool or usage error
"""


@click.command("explain", epilog=_EXIT_CODES)
@source_options
@click.option(
    "--client",
    metavar="WHO",
    help="NS/WORKLOAD, NS/POD, NS/SERVICEACCOUNT, gateway:[NS/]NAME, node, outside[:IP], ambient:NS/SA (new pod).",
)
@click.option("--to", metavar="WHAT", help="HOST, SERVICE, NS/SERVICE or IP, each with :PORT if you like, or a URL.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port dialled.  [default: the service's only one, or 80]")
@click.option("--method", default="", metavar="METHOD", help="HTTP method.  [default: GET]")
@click.option("--path", default="", metavar="PATH", help="Path with query.  [default: the URL's, or /]")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="HTTP header. Repeatable.")
@click.option("--claim", "claims", multiple=True, metavar="NAME=VALUE", help="Claim of the token. Repeatable.")
@click.option(
    "--token",
    type=click.Choice([each.value for each in TokenState]),
    help="The JWT.  [default: valid with --claim, else none]",
)
@click.option("--host", default="", metavar="HOST", help="Host header.  [default: what is dialled]")
@click.option("--grpc", is_flag=True, help="It is gRPC.")
@click.option("--tcp", is_flag=True, help="It is TCP of which no proxy reads anything.")
@click.option("--server-first", is_flag=True, help="It is TCP, and the server speaks first.")
@click.option("--sni", default="", metavar="NAME", help="The client itself speaks TLS, to this server name.")
@click.option("--authorizer", type=click.Choice(["allows", "denies"]), help="What external authorizers would say.")
@click.option(
    "--at",
    metavar="STATE",
    help="today, labels (flipped and nothing else), planned, or PLAN.json#WAVE.  [default: all that differ]",
)
@click.option("--istio", metavar="VERSION", help="Istio's version.  [default: istiod's image, or the newest]")
@click.option("--log", metavar="LINE|-", help="Explain a line of an access log instead; - reads it from stdin.")
@click.option("--symptom", metavar="TEXT", help="Say instead what may be behind what you see, in this cluster.")
@click.option("--matrix", metavar="NS", help="Show instead who may call whom in a namespace.")
@click.option("-o", "--output", type=click.Choice(_FORMATS), help="Format.  [default: by --out, or table]")
@click.option("--out", metavar="FILE", help="Write there, whole or not at all, instead of stdout.")
@manner_options
def command(**values: Any) -> int:
    """Say what happens to one request, today and after the migration: path, verdict, and who decides it.

    Reads the current cluster, or files with --from. Nothing is sent, nothing is written, and no Secret is read.

    \b
    Try it with:
      sidestep explain --client shop/web --to cart --method POST --path /items
      sidestep explain --client outside --to shop/cart:80 --at today
      kubectl logs -n istio-system ds/ztunnel --tail 1 | sidestep explain --log -
    """  # noqa: D301 - click's mark for a paragraph that is not wrapped
    source = chosen_source(values)
    manner = Manner(values["quiet"], values["verbose"])
    kind = _kind(values)
    chosen = chosen_format(values["output"], values["out"], kind.formats)
    document = kind.answer(values, source, manner)
    emit(chosen.render(document, look(no_color=values["no_color"], to_file=values["out"] is not None)), values["out"])
    return 0


def _kind(values: dict[str, Any]) -> Kind:
    """What is asked; one thing at a time."""
    asked = [name for name in _KINDS if values[name] is not None]
    if values["client"] is not None or values["to"] is not None:
        asked.append("client")
    if len(asked) > 1:
        raise click.UsageError(f"--{asked[0]} and --{asked[1]} ask different things: give one of them")
    if asked and asked[0] != "client":
        return _KINDS[asked[0]]
    if not asked or values["client"] is None or values["to"] is None:
        raise click.UsageError("name the request by --client and --to, or give --log, --symptom or --matrix")
    return Kind(EXPLANATION_FORMATS, request_answer)
