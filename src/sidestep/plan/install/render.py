"""The files of an installation: values with the reason of each as comments, and a page of commands."""

import textwrap
from collections.abc import Iterator

import yaml

from sidestep.plan.install.scalars import WideDumper
from sidestep.plan.install.values import Chart, Install, Requirement

_WIDTH = 116
_INTRODUCTION = """\
Nothing moves by this: pods keep their sidecars until they are enrolled and restarted. Run it in this order; each chart
needs the one before it."""
_REUSE = """\
`--reset-then-reuse-values` (Helm 3.14) keeps what a release was given before and is not said here. Compare first: add
`--dry-run` and read the difference."""
_OPERATED = "An operator runs Istio here: give it these values, and take them away again, by its own kinds."
_BACK = """\
Only while no namespace and no pod carries `istio.io/dataplane-mode: ambient`: pods that ztunnel has captured lose their
network with it. Sidecars that were restarted meanwhile go on working."""
_WATCH = """\
While both data planes run, istiod pushes workloads to ztunnel and configuration to sidecars: watch its CPU and
`pilot_proxy_convergence_time`. Scope sidecars with `Sidecar` resources before the first wave, because what they are
told grows with ambient on. istio-cni and ztunnel run with the priority class `system-node-critical`, which their charts
set by themselves; neither has limits, because a throttled ztunnel slows its whole node."""
_MET = {True: "done", False: "to do", None: "check"}


def render_install(install: Install) -> dict[str, str]:
    """Texts by path relative to the plan's folder; equal installs give equal bytes."""
    files = {f"install/{chart.name}.yaml": _values(chart, install.version) for chart in install.charts}
    return {**files, "install/README.md": _readme(install)}


def _values(chart: Chart, version: str) -> str:
    release = f"Helm release {chart.release} in namespace {chart.namespace}"
    lines = [f"Values of Istio's chart {chart.name}{f' {version}' if version else ''}; {release}.", "", "What decided:"]
    header = [*lines, *(f"- {evidence}" for evidence in chart.evidence)]
    comments = "\n".join(line for each in header for line in _comment(each))
    body = yaml.dump(chart.values, Dumper=WideDumper, sort_keys=False, allow_unicode=True, width=120)
    return f"{comments}\n{body}"


def _comment(text: str) -> list[str]:
    if not text:
        return ["#"]
    wrapped = textwrap.wrap(one_line(text), _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return [f"# {line}" for line in wrapped]


def one_line(text: str) -> str:
    """Text from a mesh on one line: whatever would end a line or cannot be seen is gone."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _readme(install: Install) -> str:
    parts = (
        "# Install ambient beside the sidecars",
        _INTRODUCTION,
        "## 1. Before",
        *_requirements(install.requirements),
        "## 2. Install",
        _code(install.commands) if install.commands else _OPERATED,
        _REUSE,
        "Then wait for the nodes, and restart workloads so that their sidecars take HBONE:",
        _code(tuple(_checks(install))),
        "## 3. Back",
        _BACK,
        _code(install.rollback) if install.rollback else _OPERATED,
        "## What was assumed",
        *(_items(install.assumed) or ("Nothing.",)),
        "## What to watch",
        _WATCH,
    )
    return "\n\n".join(parts) + "\n"


def _requirements(requirements: tuple[Requirement, ...]) -> tuple[str, ...]:
    if not requirements:
        return ("Nothing that could be seen has to change elsewhere.",)
    rows = ["| | product | change | otherwise | where |", "| --- | --- | --- | --- | --- |"]
    for each in requirements:
        where = f"{each.object} {each.field}".strip() if each.object else "not read"
        cells = (_MET[each.met], each.product, each.change, each.because, where)
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return ("\n".join(rows),)


def _cell(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def _items(texts: tuple[str, ...]) -> tuple[str, ...]:
    return ("\n".join(f"- {_cell(text)}" for text in texts),) if texts else ()


def _code(commands: tuple[str, ...]) -> str:
    return "\n".join(("```sh", *(one_line(command) for command in commands), "```"))


def _checks(install: Install) -> Iterator[str]:
    """Names of the DaemonSets are the charts' own."""
    for name, daemon_set in (("cni", "istio-cni-node"), ("ztunnel", "ztunnel")):
        yield f"kubectl rollout status daemonset/{daemon_set} --namespace {_quoted(install.chart(name).namespace)}"


def _quoted(text: str) -> str:
    return text if text.replace("-", "").isalnum() else "'" + text.replace("'", "'\\''") + "'"
