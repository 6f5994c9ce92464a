"""Formulas in words, for who points at a figure or reaches it with the keyboard."""

from sidestep.audit.result import Audit, Formula
from sidestep.report.units import exact


def explanations(audit: Audit) -> dict[str, str]:
    """The formula and the inputs of every figure, by its path in the document."""
    return {formula.figure: _spelled(formula) for formula in audit.formulas}


def _spelled(formula: Formula) -> str:
    inputs = (f"{name}: {value if isinstance(value, str) else exact(value)}" for name, value in formula.inputs.items())
    return "\n".join((f"= {formula.formula}", "", *inputs))
