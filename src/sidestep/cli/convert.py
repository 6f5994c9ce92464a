"""`sidestep convert`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from sidestep.cli.conversions import (
    Made,
    Read,
    Reader,
    document,
    doubts,
    found_in,
    make,
    plan_option,
    proof_of,
    target_option,
)
from sidestep.cli.folders import check_folder, write_folder
from sidestep.cli.left_by_hand import proof_without, warning
from sidestep.cli.options import chosen_source, manner_options, source_options
from sidestep.cli.output import emit, look
from sidestep.cli.processes import cores
from sidestep.cli.reading import Manner, garbage_untouched, read_mesh
from sidestep.convert.rewrite import Loss, Severity
from sidestep.errors import SidestepError, UsageError, WorldError
from sidestep.model.mesh import Mesh
from sidestep.plan.install.files import install_files
from sidestep.plan.install.render import render_install
from sidestep.plan.install.values import InstallSettings
from sidestep.prove.proof import Conclusion, Proof
from sidestep.report.conversion.document import Conversion, losses_word
from sidestep.report.conversion.formats import CONVERSION_FORMATS
from sidestep.report.conversion.verdict import opened, verdict
from sidestep.report.formats import format_named
from sidestep.report.units import count
from sidestep.semantics.admission.refusals import refusals

if TYPE_CHECKING:
    from sidestep.cli.in_place import Edit, Opened

_EXIT_CODES = """\b
Exit codes:
  0  converted, or nothing to convert
  1  tool or usage error
  2  losses at or above --fail-on-loss, or changes that no file could be given
  3  a request would be admitted that is refused today; nothing was written
  4  the proof is undecided; nothing was written
With --diff, as kubectl: 0 no differences, 1 differences, above 1 an error.
"""
_BUDGET = 20_000
_DIFFERS, _DIFF_ERROR = 1, 2
_LEFT = 2


@click.command("convert", epilog=_EXIT_CODES)
@source_options
@click.option("--plan", "plan_path", metavar="FILE|DIR", help="The plan to follow.  [default: the one it would make]")
@click.option(
    "--for", "target", metavar="upstream|VERSION", help="Write only what that Istio reads.  [default: the mesh's own]"
)
@click.option(
    "--gateway-api",
    type=click.Choice(["standard", "experimental"]),
    help="The channel of the Gateway API that is served.  [default: what the mesh tells, else standard]",
)
@click.option(
    "--restrict-egress",
    is_flag=True,
    help="Hold by NetworkPolicies what Sidecars scope, though sidecars let out to everybody.",
)
@click.option("--until", default="late", show_default=True, metavar="base|WAVE|late", help="The last stage to convert.")
@click.option("--out", metavar="DIR", help="Write a Kustomize base, an overlay for each wave and one for the end.")
@click.option("--in-place", is_flag=True, help="Edit the files of --from; only lines that change are changed.")
@click.option(
    "--repository",
    metavar="DIR",
    help="With --in-place: edit the files of DIR, that the mesh is rendered from (Kustomize, Helm).",
)
@click.option("--diff", is_flag=True, help="Show a unified diff for each object; nothing is written.")
@click.option(
    "--prove/--no-prove",
    "proving",
    default=None,
    help="Hold the converted mesh against today's.  [default: with --out and --in-place]",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes that prove.  [default: one for each core]"
)
@click.option(
    "--force",
    is_flag=True,
    help="Write also what the proof refuses or leaves undecided, and over changes that nobody committed.",
)
@click.option(
    "--fail-on-loss",
    type=click.Choice([each.value for each in Severity]),
    help="Exit with 2 when something at least that grave is lost.",
)
@click.option(
    "-o", "--output", type=click.Choice([f.name for f in CONVERSION_FORMATS]), help="Format.  [default: table]"
)
@click.option("--require-complete", is_flag=True, help="Exit with 1 when anything could not be read.")
@manner_options
def command(**values: Any) -> int:
    """Rewrite policies, routes and templates for ambient, and name everything that cannot be carried over.

    Reads the current cluster, or files with --from. Nothing is written to a cluster, and no Secret is read.

    \b
    Try it with:
      sidestep convert --from repository/
      sidestep convert --from repository/ --out converted/
      sidestep convert --from repository/ --in-place --until base
    """  # noqa: D301 - click's mark for a paragraph that is not wrapped
    if values["diff"]:
        return _as_diff(lambda: _run(values))
    return _run(values)


def _as_diff(action: Callable[[], int]) -> int:
    """Exit codes of `kubectl diff`: what fails must not look like differences."""
    try:
        return action()
    except click.ClickException as error:
        error.show()
    except SidestepError as error:
        click.echo(f"error: {error}", err=True)
    return _DIFF_ERROR


def _run(values: dict[str, Any]) -> int:
    _check(values)
    source = chosen_source(values)
    manner = Manner(values["quiet"], values["verbose"])
    saved, reader = plan_option(values["plan_path"]), _reader(values)
    edited = _opened(source.paths, values) if values["in_place"] else None
    documents = edited.documents if edited is not None else None
    mesh = read_mesh(source, manner, require_complete=values["require_complete"], documents=documents)
    _check_admitted(mesh, values)
    with garbage_untouched():
        made = make(mesh, saved, values["until"], reader, Read(source.paths, _beside(values, source.paths)))
        for doubt in doubts(made):
            _tell(f"note: {doubt}", values)
        if values["diff"]:
            return _show_diff(made, values)
        proof = proof_of(made, _BUDGET, values["jobs"] or cores()) if _proves(made, values) else None
        code = _refusal(proof) if proof is not None else 0
        if code and not values["force"] and _writes(values):
            return _refuse(proof, code, values)
        edit = _edit_of(made, edited, values) if edited is not None else None
        rest = _proof_of_rest(made, edit, values) if edit is not None and proof is not None else None
    found = replace(document(made, proof), by_hand=edit.by_hand if edit is not None else ())
    if rest is not None and _refusal(rest) and not values["force"]:
        _print(made, found, values)
        return _refuse(rest, _refusal(rest), values, _UNTIL_DONE)
    _write(made, found, edit, rest, values)
    _print(made, found, values)
    if code and not values["force"]:
        return code
    return _LEFT if found.by_hand else _loss_code(made.losses, values["fail_on_loss"])


def _check(values: dict[str, Any]) -> None:
    """Options that exclude each other, before anything is read."""
    chosen = [name for name in ("out", "in_place", "diff") if values[name]]
    if len(chosen) > 1:
        one, other = (f"--{name.replace('_', '-')}" for name in chosen[:2])
        raise UsageError(f"{one} and {other} exclude each other", where=other, remedy="use one of them")
    if values["diff"] and (extra := found_in(values, "output", "fail_on_loss")):
        raise UsageError(
            f"--diff has its own output and exit codes, without {extra}", where=extra, remedy="leave it out"
        )
    if values["repository"] is not None and not values["in_place"]:
        raise UsageError("says what --in-place edits", where="--repository", remedy="add --in-place")
    if values["in_place"]:
        _finish_interrupted(values)
    if values["out"]:
        _check_out(Path(values["out"]), values["paths"])


def _check_out(folder: Path, sources: tuple[str, ...]) -> None:
    """Not onto what somebody else wrote, and not into what is read: the next run would read it too."""
    from sidestep.report.conversion.files import MARK, is_ours  # noqa: PLC0415 - only for who writes

    inside = next((each for each in sources if Path(each).is_dir() and _is_within(folder, Path(each))), None)
    if inside is not None:
        raise UsageError(
            f"is inside of --from {inside}, so that the next run would read it",
            where=f"--out {folder}",
            remedy="name a folder beside it",
        )
    check_folder(folder, MARK)
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    foreign = next((name for name in sorted(names) if not is_ours(name)), None)
    if foreign is not None:
        raise WorldError(
            f"holds {foreign}, which no conversion wrote", where=str(folder), remedy="move it, or name a new folder"
        )


def _is_within(folder: Path, home: Path) -> bool:
    """Whether a folder is another, or in it."""
    return folder.resolve().is_relative_to(home.resolve())


def _beside(values: dict[str, Any], paths: tuple[str, ...]) -> tuple[str, ...]:
    """Where plain files with queries may be: what is rendered holds none."""
    return (values["repository"],) if values["repository"] is not None else paths


def _reader(values: dict[str, Any]) -> Reader:
    channel = values["gateway_api"]
    experimental = None if channel is None else channel == "experimental"
    return Reader(target_option(values["target"]), experimental, values["restrict_egress"])


def _check_admitted(mesh: Mesh, values: dict[str, Any]) -> None:
    """What Istio's admission refuses is in force nowhere; what is made of it would be refused as well.

    Raises:
        WorldError: something is to be written, and --force does not say that nobody validates there.
    """
    for resource, field, why in refusals(mesh):
        told = f"{resource.id} spec.{field}: {why}; Istio's admission refuses that"
        if _writes(values) and not values["force"]:
            remedy = "correct it, or say --force if nobody validates there"
            raise WorldError(told, where=str(resource.origin), remedy=remedy)
        _tell(f"note: {resource.origin}: {told}", values)


def _finish_interrupted(values: dict[str, Any]) -> None:
    """Bring to an end what an earlier run left half done, before anything is read."""
    from sidestep.cli.in_place import target_of  # noqa: PLC0415 - only for who edits
    from sidestep.cli.repository import finish_interrupted  # noqa: PLC0415

    told = finish_interrupted(target_of(values["paths"], values["repository"]).folder)
    if told:
        _tell(told, values)


def _proves(made: Made, values: dict[str, Any]) -> bool:
    """Unless told, what is written is proved; where nothing changes there is nothing to hold against today's."""
    if values["proving"] is not None:
        return bool(values["proving"])
    return _writes(values) and any(stage.objects for stage in made.stages)


def _writes(values: dict[str, Any]) -> bool:
    return bool(values["out"] or values["in_place"])


def _refusal(proof: Proof) -> int:
    """The exit code that a proof asks for."""
    if opened(proof):
        return 3
    return 4 if proof.verdict is Conclusion.UNDECIDED or proof.undecided else 0


_UNTIL_DONE = "until what no file could be given is done by hand, "


def _refuse(proof: Proof | None, code: int, values: dict[str, Any], when: str = "") -> int:
    """Say why nothing is written, with the request that shows it."""
    from sidestep.report.proof.table import render  # noqa: PLC0415 - only for who is refused

    if proof is not None:
        click.echo(render(proof, look(no_color=values["no_color"], to_file=True)), err=True, nl=False)
    why = "somebody would be admitted who is refused today" if code == 3 else "the proof is undecided"
    click.echo(f"nothing was written: {when}{why} (--force writes it all the same)", err=True)
    return code


def _write(made: Made, found: Conversion, edit: "Edit | None", rest: Proof | None, values: dict[str, Any]) -> None:
    """Write what is asked for."""
    if values["out"]:
        from sidestep.report.conversion.files import MARK, conversion_files  # noqa: PLC0415 - only for who writes

        install = render_install(install_files(made.mesh, InstallSettings()))
        files = conversion_files(found, made.stages) | install
        write_folder(Path(values["out"]), files, MARK)
        first = Path(values["out"]) / "losses.md"
        _tell(f"wrote {count(len(files), 'file')} to {values['out']}: begin with {first}", values)
    if edit is not None:
        _write_files(edit, values)
    if rest is not None and (told := warning(rest)):
        _tell(f"note: {told}", values)


def _print(made: Made, found: Conversion, values: dict[str, Any]) -> None:
    """Print the document."""
    chosen = format_named(values["output"] or "table", CONVERSION_FORMATS)
    emit(chosen.render(found, look(no_color=values["no_color"], to_file=False)), None)
    if made.homeless:
        _tell(f"note: {count(made.homeless, 'object')} {_HOMELESS}", values)
    if found.proof is not None and values["output"] in ("json", "yaml"):
        _tell(verdict(found.proof), values)


_HOMELESS = (
    "without a namespace count as default's, and policies name waypoints there; where they are applied elsewhere, "
    "convert them with their namespace: metadata.namespace, or `namespace:` of a kustomization around them, as of what "
    "helm template printed"
)


def _opened(paths: tuple[str, ...], values: dict[str, Any]) -> "Opened":
    """The files that will be edited."""
    from sidestep.cli.in_place import target_of  # noqa: PLC0415 - only for who edits

    return target_of(paths, values["repository"]).open()


def _edit_of(made: Made, files: "Opened", values: dict[str, Any]) -> "Edit":
    """What becomes of the files."""
    from sidestep.cli.in_place import Asked, edit_of  # noqa: PLC0415 - only for who edits

    return edit_of(Asked(files, made.mesh, made.plan, made.stages, values["repository"] is None, made.files))


def _proof_of_rest(made: Made, edit: "Edit", values: dict[str, Any]) -> Proof | None:
    """The proof of what is written alone; None where that is all, or nothing."""
    if not (edit.by_hand and edit.changes):
        return None
    return proof_without(made, (each.object for each in edit.by_hand), _BUDGET, values["jobs"] or cores())


def _write_files(edit: "Edit", values: dict[str, Any]) -> None:
    """Edit the files, and say which."""
    written = edit.write(force=values["force"])
    for note in edit.notes:
        _tell(f"note: {note}", values)
    for word, paths in (("changed", written.changed), ("added", written.added), ("removed", written.removed)):
        for path in paths:
            _tell(f"{word} {path}", values)
    if written.removed:
        _tell("files that are gone may still be listed, e.g. by an application of Argo CD: take them out there", values)


def _show_diff(made: Made, values: dict[str, Any]) -> int:
    from sidestep.report.conversion.differences import unified  # noqa: PLC0415 - only for who asks

    text = unified(made.mesh, made.stages)
    emit(text, None)
    if made.losses:
        _tell(f"{losses_word(len(made.losses))}: see sidestep convert without --diff", values)
    return _DIFFERS if text else 0


def _tell(text: str, values: dict[str, Any]) -> None:
    if not values["quiet"]:
        click.echo(text, err=True)


def _loss_code(losses: tuple[Loss, ...], threshold: str | None) -> int:
    order = [each.value for each in Severity]
    if threshold is None:
        return 0
    return 2 if any(order.index(loss.severity.value) <= order.index(threshold) for loss in losses) else 0
