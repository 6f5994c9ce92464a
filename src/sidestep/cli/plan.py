"""`sidestep plan`."""

from pathlib import Path, PurePath
from typing import Any

import click
import yaml

from sidestep import __version__
from sidestep.cli.calls import CallOptions, call_options, call_reader
from sidestep.cli.coefficients import coefficients_in
from sidestep.cli.folders import check_folder, write_folder
from sidestep.cli.main import EXIT_CODES
from sidestep.cli.options import chosen_source, manner_options, source_options
from sidestep.cli.output import check_writable, emit, look
from sidestep.cli.reading import Manner, demand_complete, garbage_untouched, read_mesh
from sidestep.cli.telemetry import TelemetryOptions, telemetry_options, telemetry_reader, tell
from sidestep.errors import UsageError, WorldError
from sidestep.model.call_graph import CallGraph
from sidestep.model.mesh import Mesh
from sidestep.plan.choreography import Lasting
from sidestep.plan.document import Plan
from sidestep.plan.install.files import install_files
from sidestep.plan.install.render import render_install
from sidestep.plan.install.values import InstallSettings
from sidestep.plan.planner import MOST_PODS, PlanRequest, Wishes, make_plan
from sidestep.plan.verdicts.judge import Overrides
from sidestep.plan.waypoints.needs import Scope
from sidestep.report.formats import Format, format_named, format_of_file
from sidestep.report.plan.formats import PLAN_FORMATS
from sidestep.report.plan.report import PlanReport
from sidestep.semantics.versions import IstioVersion, given_version
from sidestep.sources.prices import load_prices

_MODES = ("ambient", "waypoint", "sidecar", "none")
_FAILURES = ("never", "blockers", "exposures")


@click.command("plan", epilog=EXIT_CODES)
@source_options
@telemetry_options
@call_options
@click.option("--prices", metavar="FILE", help="Your prices (YAML, see docs/cost.md) over the built-in ones.")
@click.option("--coefficients", metavar="FILE", help="What load costs a waypoint, as `lab bench -o json` measured it.")
@click.option("--istio", metavar="VERSION", help="Istio's version.  [default: istiod's image, or the newest]")
@click.option(
    "--waypoint-scope",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.AUTO.value,
    show_default=True,
    help="How widely waypoints are shared.",
)
@click.option(
    "--max-pods-per-wave",
    type=click.IntRange(min=1),
    default=MOST_PODS,
    show_default=True,
    help="Restart no more pods in one wave, unless a workload alone has more.",
)
@click.option("--maintenance", metavar="TEXT", default="", help="When waves may run; written on each of them.")
@click.option(
    "--connections",
    type=click.Choice([each.value for each in Lasting]),
    default=Lasting.CUT.value,
    show_default=True,
    help="Old connections of bytes to pods that end: cut them; drain: wait for half an hour at most, then cut what is "
    "left; wait: stop the plan if any is left by then.",
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    metavar="NS/NAME=MODE",
    help="Decide yourself: ambient, waypoint, sidecar or none. Repeatable; also by annotation sidestep.dev/mode.",
)
@click.option("--modes", "modes_file", metavar="FILE", help="The same as a YAML mapping of NS/NAME to a mode.")
@click.option("--force", is_flag=True, help="Take your own modes even where they open a hole; the plan records it.")
@click.option(
    "-o", "--output", type=click.Choice([f.name for f in PLAN_FORMATS]), help="Format.  [default: by --out, or table]"
)
@click.option(
    "--out",
    metavar="DIR|FILE",
    help="Write plan.json, plan.md, waves/, rollback/ and install/ into a folder; or one file, by its extension.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_FAILURES),
    default="never",
    show_default=True,
    help="Exit with 2 when something blocks, or when a window cannot be avoided.",
)
@click.option("--require-complete", is_flag=True, help="Exit with 1 when anything could not be read.")
@manner_options
def command(**values: Any) -> int:
    """Decide for each workload what becomes of it, and in which order: as files to review.

    Reads the current cluster, or files with --from. Nothing is written to the cluster, and no Secret is read.
    """
    chosen, folder = _destination(values["output"], values["out"])
    source = chosen_source(values)
    wishes = _wishes(values)
    telemetry = TelemetryOptions(**{name: values.pop(name) for name in TelemetryOptions.__struct_fields__})
    calls = CallOptions(**{name: values.pop(name) for name in CallOptions.__struct_fields__})
    manner = Manner(values["quiet"], values["verbose"])
    prices = load_prices(values["prices"])
    measure, listen = telemetry_reader(telemetry, source), call_reader(calls, telemetry, source)
    mesh = read_mesh(source, manner, require_complete=values["require_complete"])
    with garbage_untouched():
        measured, graph = measure(mesh), listen(mesh)
        tell(measured, manner)
        if values["require_complete"]:
            demand_complete(mesh)
        plan = make_plan(PlanRequest(mesh, prices, measured, graph, wishes, __version__))
        _write(plan, graph, mesh, chosen, folder, values)
    return 2 if _fails(plan, values["fail_on"]) else 0


def _destination(asked: str | None, path: str | None) -> tuple[Format[PlanReport], Path | None]:
    """The format to print, and the folder to write where one is named."""
    if path is None or path == "-":
        return format_named(asked or "table", PLAN_FORMATS), None
    if not PurePath(path).suffix or Path(path).is_dir():
        check_folder(Path(path))
        return format_named(asked or "table", PLAN_FORMATS), Path(path)
    check_writable(path)
    found = format_named(asked, PLAN_FORMATS) if asked else format_of_file(path, PLAN_FORMATS)
    if found is None:
        known = " ".join(extension for each in PLAN_FORMATS for extension in each.extensions)
        raise UsageError("no format has that extension", where=path, remedy=f"name a folder, or use one of {known}")
    return found, None


def _wishes(values: dict[str, Any]) -> Wishes:
    return Wishes(
        Scope(values["waypoint_scope"]),
        values["max_pods_per_wave"],
        Overrides(
            {**_modes_in(values["modes_file"]), **dict(_mode(each) for each in values["modes"])}, values["force"]
        ),
        version_option(values["istio"]),
        values["maintenance"],
        coefficients_in(values["coefficients"]),
        Lasting(values["connections"]),
    )


def version_option(text: str | None, option: str = "--istio") -> IstioVersion | None:
    """The version that an option names.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return None
    version = given_version(text)
    if version is None:
        raise UsageError(f"{text!r} is no version of Istio", where=option, remedy="write it like 1.29 or 1.29.2")
    return version


def _mode(text: str) -> tuple[str, str]:
    workload, _, mode = text.rpartition("=")
    if "/" not in workload or mode not in _MODES:
        raise UsageError(
            f"{text!r} is no choice", where="--mode", remedy=f"write NAMESPACE/NAME=MODE with {', '.join(_MODES)}"
        )
    return workload, mode


def _modes_in(path: str | None) -> dict[str, str]:
    """The choices in a file.

    Raises:
        WorldError: it cannot be read.
        UsageError: it is no mapping of workloads to modes.
    """
    if path is None:
        return {}
    try:
        tree = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(str(error), where=path, remedy="check --modes") from error
    except yaml.YAMLError as error:
        raise UsageError(f"is no YAML: {error}", where=path, remedy="write lines like `shop/cart: waypoint`") from error
    if not isinstance(tree, dict):
        raise UsageError("is no mapping", where=path, remedy="write lines like `shop/cart: waypoint`")
    return dict(_mode(f"{workload}={mode}") for workload, mode in tree.items())


def _write(  # noqa: PLR0917 - the parts of one result
    plan: Plan,
    graph: CallGraph,
    mesh: Mesh,
    chosen: Format[PlanReport],
    folder: Path | None,
    values: dict[str, Any],
) -> None:
    seen = look(no_color=values["no_color"], to_file=folder is None and values["out"] not in (None, "-"))
    rendered = chosen.render(PlanReport(plan, graph), seen)
    if folder is None:
        emit(rendered, values["out"])
        return
    from sidestep.report.plan_files import plan_files  # noqa: PLC0415 - only for who asks

    install = render_install(install_files(mesh, InstallSettings()))
    files = plan_files(plan, install, graph)
    write_folder(folder, files)
    emit(rendered, None)
    if not values["quiet"]:
        click.echo(f"wrote {len(files)} files to {folder}: begin with {folder / 'plan.md'}", err=True)


def _fails(plan: Plan, threshold: str) -> bool:
    return bool(plan.blockers if threshold == "blockers" else plan.exposures if threshold == "exposures" else ())
