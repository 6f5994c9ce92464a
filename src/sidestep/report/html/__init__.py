"""One self-contained HTML file: no network, sortable and filterable tables, charts, light and dark, printable."""

from sidestep.report.html.page import render

__all__ = ["render"]
