"""The formats a plan can be printed in."""

from sidestep.report.formats import Format
from sidestep.report.plan.report import PlanReport

PLAN_FORMATS: tuple[Format[PlanReport], ...] = (
    Format("table", (".txt",), "sidestep.report.plan.table"),
    Format("wide", (), "sidestep.report.plan.wide"),
    Format("json", (".json",), "sidestep.report.plan.json_plan"),
    Format("yaml", (".yaml", ".yml"), "sidestep.report.plan.yaml_plan"),
    Format("csv", (".csv",), "sidestep.report.plan.csv_rows"),
    Format("markdown", (".md",), "sidestep.report.plan.markdown"),
    Format("html", (".html", ".htm"), "sidestep.report.plan.html"),
)
