"""The audit for a terminal: what is missing, namespaces, money, conclusion, the worst findings."""

from collections.abc import Iterable

from rich.console import Console

from sidestep.audit.result import Audit
from sidestep.report.columns import console, pairs, plain, prose
from sidestep.report.findings import print_findings, worst
from sidestep.report.formats import Look
from sidestep.report.namespaces import dearest_first, print_namespaces_table
from sidestep.report.units import count, money, window

NAMESPACES_SHOWN = 30
FINDINGS_SHOWN = 5
_MISSING_SHOWN = 10


def render(audit: Audit, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out = console(look)
    with out.capture() as captured:
        print_head(audit, out)
        print_namespaces(audit, out, NAMESPACES_SHOWN)
        print_money(audit, out)
        print_conclusion(audit, out)
        _worst(audit, out)
    return trimmed(captured.get())


def print_head(audit: Audit, out: Console) -> None:
    """Before anything else what the answer lacks, then where it comes from."""
    source, telemetry = audit.source, audit.telemetry
    if not source.complete:
        _missing(audit, out)
    measured = f" over {window(telemetry.window_seconds)}" if telemetry.window_seconds else ""
    prose(out, plain(f"Source: {source.kind} {source.name}"))
    prose(out, plain(f"Use: {telemetry.kind.value}{measured} ({telemetry.strength})"))
    out.print()


def print_namespaces(audit: Audit, out: Console, shown: int) -> None:
    """The table of namespaces, `shown` rows of it."""
    listed = len(dearest_first(audit))
    if listed:
        print_namespaces_table(audit, out, shown)
    else:
        prose(out, plain("No namespace holds a workload."))
    if listed > shown:
        out.print(plain("-o wide shows all namespaces", "dim"))
    out.print()


def print_money(audit: Audit, out: Console) -> None:
    """The three figures a month, what ambient would cost instead, and from where it pays."""
    pairs(out, [*_sidecar_money(audit), *_ambient_money(audit)])
    out.print()


def print_conclusion(audit: Audit, out: Console) -> None:
    """Three sentences, and which prices had to be assumed."""
    for sentence in audit.conclusion:
        prose(out, plain(sentence))
    for what, nodes in list(audit.prices.fallbacks.items())[:3]:
        prose(out, plain(f"Price assumed: {what} ({count(nodes, 'node')})", "dim"))
    out.print()


def trimmed(text: str) -> str:
    """Without the blanks at the ends of lines and of the text."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"


def _sidecar_money(audit: Audit) -> Iterable[tuple[str, str]]:
    currency, monthly = audit.prices.currency, audit.totals.monthly
    yield "Requested", f"{money(monthly.requested, currency)} a month by the sidecars"
    if monthly.used is None:
        yield "Used", "not measured"
    else:
        yield "Used", f"{money(monthly.used, currency)} a month, 95th percentile"
    if monthly.realisable is not None:
        nodes = count(len(audit.totals.drained_nodes or ()), "node")
        yield "Realisable", f"{money(monthly.realisable, currency)} a month, {nodes} would drain"


def _ambient_money(audit: Audit) -> Iterable[tuple[str, str]]:
    currency, ambient = audit.prices.currency, audit.ambient
    monthly, transition = ambient.monthly, ambient.transition
    if monthly.floor is not None and monthly.highly_available is not None:
        floor, available = money(monthly.floor, currency), money(monthly.highly_available, currency)
        yield "Ambient", f"{floor} a month without waypoints, {available} with highly available ones"
    if transition is not None and transition.floor is not None:
        least, most = money(transition.floor, currency), money(transition.highly_available, currency)
        yield "Transition", f"{least} to {most} more for each month with both data planes"
    even, here = ambient.break_even_sidecars_per_node, ambient.sidecars_per_node
    if even is not None and here is not None:
        pays = f"{even:,.1f} sidecars per node" if even else "none needed, ambient is installed already"
        yield "Break-even", f"{pays}; here {here:,.1f} sidecars per node"


def _missing(audit: Audit, out: Console) -> None:
    missing = audit.source.missing
    out.print(plain(f"PARTIAL: {count(len(missing), 'thing')} could not be read", "bold red"))
    for each in missing[:_MISSING_SHOWN]:
        detail = f" ({each.detail})" if each.detail else ""
        remedy = f"; {each.remedy}" if each.remedy else ""
        prose(out, plain(f"{each.resource}: {each.reason}{detail}{remedy}", "red"), indent=2)
    if len(missing) > _MISSING_SHOWN:
        prose(out, plain(f"… and {len(missing) - _MISSING_SHOWN:,} more (-o json shows all)"), indent=2)
    out.print()


def _worst(audit: Audit, out: Console) -> None:
    counted = sum(finding.suppressed is None for finding in audit.findings)
    if not counted:
        return
    shown = worst(audit.findings, FINDINGS_SHOWN)
    out.print(plain("Worst findings", "bold"))
    print_findings(out, shown)
    if counted > len(shown):
        prose(out, plain(f"… and {counted - len(shown):,} more (-o wide, json or html shows all)"))
