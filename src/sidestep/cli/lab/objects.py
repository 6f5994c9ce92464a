"""Verbs that change a running lab's objects: `apply`, `delete`, `label`, `scale`, `restart`, `fault`, `rotate`."""

from typing import Any

import click

from sidestep.cli.lab.amounts import Share, Size
from sidestep.cli.lab.choices import client, in_namespace, lab_name, named_objects
from sidestep.cli.lab.manifests import objects_in
from sidestep.cli.options import Duration
from sidestep.cli.reading import Manner
from sidestep.errors import UsageError
from sidestep.lab.api import messages as api
from sidestep.lab.cluster.misgivings import misgivings
from sidestep.lab.cluster.objects import Ref
from sidestep.model.kinds import KINDS
from sidestep.report.lab.tables import done_lines, misgiving_lines

_QUIET = Manner(quiet=True)
_OF_FAULTS = {"ahead": "skew", "behind": "skew", "share": "slow", "memory": "limit"}


@click.command("apply")
@click.option("-f", "--filename", "files", multiple=True, required=True, metavar="FILE|DIR|-", help="Manifests.")
@lab_name
def apply(files: tuple[str, ...], lab: str) -> None:
    """Create or change objects of a running lab; pods follow as a cluster's would."""
    objects = objects_in(files, _QUIET)
    told = client(lab).ask(api.Apply(list(objects)))
    click.echo(done_lines(told), nl=False)
    for each in misgiving_lines(misgivings(objects)):
        click.echo(each.strip(), err=True)


@click.command("delete")
@click.argument("objects", nargs=-1, metavar="KIND/NAME...")
@click.option("-f", "--filename", "files", multiple=True, metavar="FILE|DIR|-", help="Manifests of what to delete.")
@in_namespace
@lab_name
def delete(objects: tuple[str, ...], files: tuple[str, ...], namespace: str, lab: str) -> None:
    """Delete objects, named or as manifests have them; pods end with their time of grace."""
    if not objects and not files:
        raise UsageError("nothing to delete is named", remedy="name KIND/NAME, or give -f FILE")
    trees = [_stub(each) for each in named_objects(objects, namespace)]
    trees += objects_in(files, _QUIET)
    click.echo(done_lines(client(lab).ask(api.Delete(trees))), nl=False)


@click.command("label")
@click.argument("words", nargs=-1, required=True, metavar="KIND/NAME KEY=VALUE|KEY-...")
@in_namespace
@lab_name
def label(words: tuple[str, ...], namespace: str, lab: str) -> None:
    """Set labels, or take them away (`KEY-`), as kubectl does.

    `sidestep lab label namespace/shop istio.io/dataplane-mode=ambient` enrols running pods without a restart.
    """
    labels = [each for each in words if "=" in each or each.endswith("-")]
    refs = named_objects([each for each in words if each not in labels], namespace)
    if not refs or not labels:
        missing = "objects" if not refs else "labels"
        raise UsageError(f"no {missing} are named", remedy="write KIND/NAME KEY=VALUE, or KIND/NAME KEY-")
    wanted = dict(map(_label, labels))
    told = [client(lab).ask(api.Label(each.kind, each.namespace, each.name, wanted)) for each in refs]
    click.echo(done_lines(told), nl=False)


@click.command("scale")
@click.argument("objects", nargs=-1, required=True, metavar="KIND/NAME...")
@click.option("--replicas", type=click.IntRange(0, 2000), required=True, help="How many.")
@in_namespace
@lab_name
def scale(objects: tuple[str, ...], replicas: int, namespace: str, lab: str) -> None:
    """Change how many pods a Deployment, ReplicaSet or StatefulSet has."""
    refs = named_objects(objects, namespace)
    told = [client(lab).ask(api.Scale(each.kind, each.namespace, each.name, replicas)) for each in refs]
    click.echo(done_lines(told), nl=False)


@click.command("restart")
@click.argument("objects", nargs=-1, required=True, metavar="KIND/NAME...")
@in_namespace
@lab_name
def restart(objects: tuple[str, ...], namespace: str, lab: str) -> None:
    """Exchange all pods of a workload within the bounds of its strategy, as `kubectl rollout restart` does."""
    refs = named_objects(objects, namespace)
    told = [client(lab).ask(api.Restart(each.kind, each.namespace, each.name)) for each in refs]
    click.echo(done_lines(told), nl=False)


@click.command("fault")
@click.argument("process", metavar="PROCESS")
@click.argument(
    "how",
    type=click.Choice(["kill", "end", "stop", "continue", "slow", "limit", "replace", "lose", "skew"]),
    default="kill",
)
@click.option("--ahead", type=Duration(), help="Of skew: the clock is ahead by this long: 48h.")
@click.option("--behind", type=Duration(), help="Of skew: the clock is behind by this long.")
@click.option("--share", type=Share(), default=0.0, metavar="SHARE", help="Of slow: it runs so much of the time: 10%.")
@click.option("--memory", type=Size(), default=0, metavar="SIZE", help="Of limit: it is killed above that: 40Mi.")
@lab_name
def fault(process: str, how: str, lab: str, **values: Any) -> None:
    """Kill or stop a part of the lab, to see what that does: `envoy/node-1`, `controlplane`, `waypoint/shop/waypoint`.

    What was killed is started again. `slow --share 10%` leaves it a tenth of the time, `limit --memory 40Mi` kills it
    whenever it takes more, as a cluster does with containers; without a figure both end. `replace` has a node's proxy
    give way to a new one without refusing anybody. `sidestep lab fault node/node-2 lose` cuts a node off with all its
    pods, for good. `sidestep lab fault envoy/node-1 skew --ahead 48h` signs the proxy's certificates by a wrong clock:
    ahead they are not yet valid, behind they have expired. Without a time the clock is right again.

    `waypoint/shop/waypoint` is all pods of that waypoint.
    """
    for option, meant in _OF_FAULTS.items():
        if values[option] and how != meant:
            raise UsageError(f"{how} takes no --{option}", remedy=f"leave it to {meant}")
    seconds = (values["ahead"] or 0.0) - (values["behind"] or 0.0)
    request = api.Fault(process, how, seconds, values["share"], values["memory"])
    click.echo(done_lines([client(lab).ask(request)]), nl=False)


@click.command("rotate")
@click.argument("what", type=click.Choice(["root", "intermediate"]))
@lab_name
def rotate(what: str, lab: str) -> None:
    """Exchange the root or the intermediate that signs the mesh's certificates, while it works.

    Ends when every proxy has certificates of the new one.
    """
    click.echo(done_lines([client(lab).ask(api.Rotate(what))]), nl=False)


def _stub(ref: Ref) -> dict[str, Any]:
    kind = next(each for each in KINDS if each.key == ref.kind)
    meta = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    return {"apiVersion": kind.api_version(), "kind": kind.name, "metadata": meta}


def _label(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    if not key.strip("-"):
        raise UsageError(f"{text!r} is no label", remedy="write KEY=VALUE, or KEY- to take it away")
    return (key, value) if equals else (text[:-1], None)
