"""`--explain-cost`: every figure with its formula and what went in."""

from sidestep.audit.result import Audit
from sidestep.report.columns import console, plain
from sidestep.report.formats import Look


def render(audit: Audit, look: Look) -> str:
    """One paragraph per figure."""
    out = console(look)
    with out.capture() as captured:
        out.print(plain(f"Prices: {audit.prices.source} ({audit.prices.date}), {audit.prices.currency}"))
        for what, nodes in audit.prices.fallbacks.items():
            out.print(plain(f"  assumed: {what} ({nodes} nodes)"))
        for formula in audit.formulas:
            value = "see the rows" if formula.value is None else f"{formula.value:,.4f}".rstrip("0").rstrip(".")
            out.print()
            out.print(plain(f"{formula.figure} = {value}", style="bold"))
            out.print(plain(f"  = {formula.formula}"))
            for name, given in formula.inputs.items():
                shown = given if isinstance(given, str) else f"{given:,.6f}".rstrip("0").rstrip(".")
                out.print(plain(f"    {name}: {shown}"))
    return captured.get()
