"""One stage of a conversion written into a working tree, with the message for its commit."""

import shlex
import subprocess
from io import BytesIO
from pathlib import Path

from msgspec import Struct

from sidestep.actions.stages import BASE, LATE, Stage
from sidestep.cli.conversions import Made, Read, Reader, make, proof_of
from sidestep.cli.in_place import Asked, Target, edit_of
from sidestep.errors import WorldError
from sidestep.model.mesh import Mesh
from sidestep.plan.document import Plan, Wave
from sidestep.prove.proof import Conclusion, Proof
from sidestep.report.conversion.verdict import opened, verdict
from sidestep.report.migration.commit import message
from sidestep.sources.files import FilesSource

_BUDGET = 20_000
_PATIENCE = 300.0


class Staging(Struct, frozen=True):
    """How stages are written.

    Attributes:
        plan: that is followed.
        render: a command that prints what the folder makes, run in it; empty where its files say it themselves.
        proves: each stage is held against the mesh before it.
        force: what the proof refuses or leaves undecided is written all the same.
    """

    plan: Plan
    render: str = ""
    proves: bool = True
    force: bool = False

    def write(self, folder: Path, stage: str) -> str:
        """Write a stage; the message for its commit.

        Raises:
            WorldError: it cannot be read, proved or placed.
        """
        made = self._made(folder, stage)
        proof = proof_of(made, _BUDGET) if self.proves else None
        if proof is not None and not self.force:
            _check(proof, stage)
        asked = Asked(Target(folder).open(), made.mesh, made.plan, made.stages, not self.render, made.files)
        edit = edit_of(asked)
        if left := edit.by_hand:
            raise WorldError(
                f"{left[0].object} cannot be changed in any file: {left[0].reason}; nothing was committed",
                where=left[0].where or stage,
                remedy="see sidestep convert --in-place for all that is to be done by hand; do it, commit, and resume",
            )
        edit.write(force=True)
        last = made.stages[-1]
        codes = {code for each in last.objects for code in each.rule.split(", ")}
        losses = (each for each in made.losses if each.rule in codes)
        return message(self.plan, stage, wave_of(self.plan, last), proof, losses)

    def stages(self, folder: Path) -> tuple[Stage, ...]:
        """All stages of what a folder holds.

        Raises:
            WorldError: it cannot be read, or the plan is not of it.
        """
        return self._made(folder, LATE).stages

    def _made(self, folder: Path, stage: str) -> Made:
        mesh = self._mesh(folder)
        until = stage if stage in {BASE, LATE} else stage.rpartition("/")[2]
        paths = () if self.render else (str(folder),)
        return make(mesh, self.plan, until, Reader(), Read(paths, (str(folder),)))

    def _mesh(self, folder: Path) -> Mesh:
        if not self.render:
            return FilesSource([str(folder)]).read()
        try:
            done = subprocess.run(  # noqa: S603 - what the user asked for, and no shell
                shlex.split(self.render), cwd=folder, capture_output=True, timeout=_PATIENCE, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise WorldError(str(error), where=f"--render {self.render}", remedy="check the command") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise WorldError(f"fails: {said[-1] if said else 'it does not say why'}", where=f"--render {self.render}")
        return FilesSource(["-"], BytesIO(done.stdout)).read()


def wave_of(plan: Plan, stage: Stage) -> Wave:
    """The plan's wave that a stage carries out."""
    found = next((wave for wave in plan.waves if wave.number == stage.wave), None)
    settling = [wave for wave in plan.waves if wave.number and not wave.workloads]
    return found or (settling[-1] if stage.name == LATE and settling else Wave(stage.wave, stage.name))


def _check(proof: Proof, stage: str) -> None:
    undecided = proof.verdict is Conclusion.UNDECIDED or bool(proof.undecided)
    if opened(proof) or undecided:
        remedy = f"see sidestep convert --until {stage.rpartition('/')[2]} --prove; --force commits it all the same"
        raise WorldError(f"{verdict(proof)} Nothing was committed", where=stage, remedy=remedy)
