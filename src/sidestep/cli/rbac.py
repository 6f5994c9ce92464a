"""`sidestep rbac`."""

from typing import Any

import click
import yaml
from yaml import CSafeDumper

from sidestep.cli.output import emit
from sidestep.sources.cluster.rbac import least_cluster_role

AUDIT, MIGRATE = "audit", "migrate"


@click.command("rbac")
@click.option(
    "--for", "purpose", type=click.Choice([AUDIT, MIGRATE]), default=AUDIT, show_default=True,
    help="What is to be allowed: to read a mesh, or to carry out a plan beside that.",
)  # fmt: skip
@click.option("--plan", metavar="DIR|FILE", help="The plan that is to be carried out (--for migrate).")
@click.option(
    "-n", "--namespace", default="istio-system", show_default=True, metavar="NS",
    help="Where the cluster keeps the journals of runs (--for migrate).",
)  # fmt: skip
@click.option(
    "--revision", "revisions", multiple=True, metavar="REV", help="Also allow this revision's ConfigMaps. Repeatable."
)
def command(purpose: str, plan: str | None, namespace: str, revisions: tuple[str, ...]) -> None:
    """Print the least roles that a full audit needs, or one plan, as YAML for `kubectl apply -f -`.

    An audit lists what a mesh is made of, and nothing else: no Secret, no write, of ConfigMaps only Istio's and the
    CNI's. Who carries out a plan may beside that change the kinds that its steps change, take that back, and keep
    journals in one namespace.

    Bind them with: kubectl create clusterrolebinding sidestep-audit --clusterrole=sidestep-audit --user=NAME; for a
    plan likewise sidestep-migrate, and: kubectl create rolebinding sidestep-migrate -n istio-system
    --role=sidestep-migrate --user=NAME
    """
    if (purpose == MIGRATE) is not bool(plan):
        raise click.UsageError("--for migrate and --plan go together: the role is that of one plan")
    roles = [least_cluster_role(revisions), *(_of_plan(plan, namespace) if plan else ())]
    emit(yaml.dump_all(roles, Dumper=CSafeDumper, sort_keys=False), None)


def _of_plan(path: str, namespace: str) -> list[dict[str, Any]]:
    from sidestep.actions.worlds.cluster.rights import cluster_role, records_role  # noqa: PLC0415 - only for plans
    from sidestep.cli.migrate.checked import saved_plan  # noqa: PLC0415

    return [cluster_role(saved_plan(path).plan.steps), records_role(namespace)]
