"""`sidestep prove`."""

from typing import Any

import click

from sidestep.cli.formats import chosen_format
from sidestep.cli.options import Duration, manner_options
from sidestep.cli.output import emit, look
from sidestep.cli.proofs import NOTHING, STRICT, ask_of, proof_of
from sidestep.cli.watch import Shown, Watch, between
from sidestep.prove.accepted import PRESETS
from sidestep.prove.proof import Conclusion, Proof
from sidestep.report.proof.formats import PROOF_FORMATS

_EXIT_CODES = """\b
Exit codes:
  0  equal: nothing differs that is not accepted, and every invariant holds
  3  differs, or an invariant is violated
  4  undecided, and nothing differs
  1  tool or usage error
With --watch, that of the last proof.
"""
_BUDGET = 20_000
_CODES = {Conclusion.EQUAL: 0, Conclusion.DIFFERS: 3, Conclusion.UNDECIDED: 4}


@click.command("prove", epilog=_EXIT_CODES)
@click.argument("meshes", nargs=-1, metavar="[BEFORE AFTER]")
@click.option(
    "--before", multiple=True, metavar="MESH", help="The first mesh, in place of the argument. Repeatable for files."
)
@click.option("--after", multiple=True, metavar="MESH", help="The mesh that is held against it. Repeatable for files.")
@click.option(
    "--plan",
    metavar="DIR|FILE|planned|labels",
    help="Hold every state on the way of a plan against the mesh of --from: a saved one, the one that `sidestep plan` "
    "would make, or labels flipped and nothing else.",
)
@click.option("--end-only", is_flag=True, help="Of a plan, only the state at its end.")
@click.option("--invariant", "invariants", multiple=True, metavar="FILE", help="Assertions to check too. Repeatable.")
@click.option("--accept", "accepted", multiple=True, metavar="FILE", help="Differences that are accepted. Repeatable.")
@click.option(
    "--accept-preset",
    "presets",
    multiple=True,
    type=click.Choice([*PRESETS, NOTHING]),
    help="Accept everywhere: shape (how a refusal looks), closed (refused more often), or none of them. Repeatable.  "
    "[default: shape]",
)
@click.option(
    "--strict",
    multiple=True,
    type=click.Choice(STRICT),
    help="Do not take for granted: defaults, hosts, nodes, forms, speech, spaces, waypoints (see the guide), or all. "
    "Repeatable.",
)
@click.option("--allow-undecided", is_flag=True, help="Exit with 0 where nothing differs but something is undecided.")
@click.option("--from", "paths", multiple=True, metavar="FILE|DIR|-", help="The mesh of --plan or --invariant.")
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.  [default: the current one]")
@click.option("--kubeconfig", metavar="FILE", help="Path of the kubeconfig.  [default: as kubectl]")
@click.option(
    "--request-timeout", type=Duration(), default="60s", show_default=True, metavar="TIME", help="Of a cluster."
)
@click.option(
    "-n", "--namespace", "namespaces", multiple=True, metavar="NS", help="Only destinations there. Repeatable."
)
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    default=_BUDGET,
    show_default=True,
    help="Call undecided what needs more classes of requests on one way.",
)
@click.option(
    "--fail-fast",
    is_flag=True,
    help="End at the first difference that is not accepted, looked for first where an object has changed; of a plan, "
    "after the first state that has one.",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes that ask.  [default: one for each core]"
)
@click.option("--no-cache", is_flag=True, help="Neither use nor keep what proofs of two meshes found.")
@click.option(
    "-w",
    "--watch",
    is_flag=True,
    help="Stay, and prove two meshes again when files of theirs change, or those of --accept and --invariant; what "
    "the change cannot affect is not asked again. Ends with Ctrl-C.",
)
@click.option("--istio", metavar="VERSION", help="Istio's version.  [default: istiod's image, or the newest]")
@click.option("--require-complete", is_flag=True, help="Exit with 1 when anything could not be read.")
@click.option(
    "-o", "--output", type=click.Choice([f.name for f in PROOF_FORMATS]), help="Format.  [default: by --out, or table]"
)
@click.option("--out", metavar="FILE", help="Write there, whole or not at all, instead of stdout.")
@manner_options
def command(**values: Any) -> int:
    """Prove that two meshes mean the same, or show a request that they answer differently.

    MESH is a file, a folder, an archive, a snapshot, `git:REVISION[:PATH]` of the repository around the working folder,
    or `cluster[:CONTEXT]`. Nothing is sent, nothing is written to a cluster, and no Secret is read.

    \b
    Try it with:
      sidestep prove --before cluster --after converted/
      sidestep prove git:main git:HEAD -o markdown
      sidestep prove git:main manifests/ --watch
      sidestep prove --plan plan/ --from mesh.sidestep --invariant invariants.yaml
    """  # noqa: D301 - click's mark for a paragraph that is not wrapped
    chosen = chosen_format(values["output"], values["out"], PROOF_FORMATS)
    style = look(no_color=values["no_color"], to_file=values["out"] is not None)

    def show(proof: Proof, before: str = "") -> Shown:
        is_read = emit(before + chosen.render(proof, style), values["out"])
        return Shown(_code(proof, undecided_is_fine=values["allow_undecided"]), is_read)

    if values["watch"]:
        apart = between(chosen.name, style) if values["out"] is None else ""
        return Watch(values, show, apart).run()
    return show(proof_of(ask_of(values))).code


def _code(proof: Proof, *, undecided_is_fine: bool) -> int:
    if undecided_is_fine and proof.verdict is Conclusion.UNDECIDED:
        return 0
    return _CODES[proof.verdict]
