"""The proof as a page: one self-contained file, before and after side by side."""

from sidestep.prove.proof import Proof
from sidestep.report.formats import Look
from sidestep.report.html.frame import Frame, fill
from sidestep.report.proof.view import view

_FRAME = Frame("proof.html", (), ("page.css", "explanation.css", "proof.css"))


def render(proof: Proof, _look: Look) -> str:
    """The page."""
    return fill(_FRAME, {"told": view(proof)}, {})
