"""`--explain-cost`: every figure with its formula and what went in."""

from rich.console import Console

from sidestep.audit.result import Audit, Formula
from sidestep.report.columns import console, pairs, plain, prose
from sidestep.report.formats import Look
from sidestep.report.table import trimmed
from sidestep.report.units import count, exact

_INDENT = 2


def render(audit: Audit, look: Look) -> str:
    """The prices, then one paragraph per figure."""
    out = console(look)
    with out.capture() as captured:
        prose(out, plain(f"Prices: {audit.prices.source} ({audit.prices.date}), {audit.prices.currency}"))
        for what, nodes in audit.prices.fallbacks.items():
            prose(out, plain(f"assumed: {what} ({count(nodes, 'node')})"), _INDENT)
        for formula in audit.formulas:
            _print_formula(out, formula)
    return trimmed(captured.get())


def _print_formula(out: Console, formula: Formula) -> None:
    out.print()
    out.print(plain(f"{formula.figure} = {_value(formula)}", "bold"), no_wrap=True, overflow="ellipsis")
    prose(out, plain(f"= {formula.formula}"), _INDENT)
    told = ((name, given if isinstance(given, str) else exact(given)) for name, given in formula.inputs.items())
    pairs(out, told, _INDENT * 2)


def _value(formula: Formula) -> str:
    if formula.value is not None:
        return exact(formula.value)
    return "one for each row" if "[]" in formula.figure else "unknown"
