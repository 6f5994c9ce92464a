"""`sidestep rbac`."""

import click
import yaml
from yaml import CSafeDumper

from sidestep.cli.output import emit
from sidestep.sources.cluster.rbac import least_cluster_role


@click.command("rbac")
@click.option(
    "--revision", "revisions", multiple=True, metavar="REV", help="Also allow this revision's ConfigMaps. Repeatable."
)
def command(revisions: tuple[str, ...]) -> None:
    """Print the least ClusterRole that a full audit needs, as YAML for `kubectl apply -f -`.

    It lists what a mesh is made of, and nothing else: no Secret, no write, of ConfigMaps only Istio's and the CNI's.

    Bind it with: kubectl create clusterrolebinding sidestep-audit --clusterrole=sidestep-audit --user=NAME
    """
    emit(yaml.dump(least_cluster_role(revisions), Dumper=CSafeDumper, sort_keys=False), None)
