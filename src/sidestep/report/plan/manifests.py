"""Steps as YAML: whole objects and merge patches, each under a comment that says why, and how it is taken back."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from sidestep.model.kinds import CRON_JOB
from sidestep.model.metadata import ObjectId
from sidestep.plan.install.render import one_line
from sidestep.plan.install.scalars import LINE_ENDS, Dumper, WideDumper
from sidestep.plan.steps import Apply, LabelChanges, Patch, SetLabels, Step
from sidestep.report.plan.file_names import Written

_WIDTH = 116
_SERVER_SET = frozenset(
    {"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields",
     "resourceVersion", "selfLink", "uid"}
)  # fmt: skip

Tree = dict[str, Any]


class _Dumper(Dumper):
    """Writes texts of several lines as such, so that one can read them."""


class _WideDumper(WideDumper):
    """Likewise."""


def _text(dumper: Dumper | WideDumper, text: str) -> yaml.Node:
    style = '"' if LINE_ENDS.intersection(text) else "|" if "\n" in text.rstrip("\n") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
_WideDumper.add_representer(str, _text)
_ESCAPED = "\\U000"
"""What libyaml makes of a letter that it does not write as it is."""


def forwards(step: Step, effect: Written, back: str) -> str:
    """The file of what a step writes.

    Args:
        step: the step.
        effect: its own.
        back: how it is taken back, in words.
    """
    told = (f"Step {step.id} of wave {step.wave}: {step.description}", *_reasons(step), f"Way back: {back}")
    return _commented(told, effect)


def backwards(step: Step, effect: Written) -> str:
    """The file of what takes a step back.

    Args:
        step: the step.
        effect: the reverse of its own.
    """
    return _commented((f"Way back from step {step.id} of wave {step.wave}: {step.description}",), effect)


def as_yaml(value: Any) -> str:
    """YAML that reads the same in Kubernetes' reader and in others."""
    try:
        text = _dumped(value, _Dumper)
    except UnicodeEncodeError:  # half of a pair of surrogates, which libyaml does not take
        return _dumped(value, _WideDumper)
    return _dumped(value, _WideDumper) if _ESCAPED in text else text


def _dumped(value: Any, dumper: type[_Dumper | _WideDumper]) -> str:
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def tree(effect: Written) -> Tree:
    """The object to apply, or the patch with the name of what it patches."""
    if isinstance(effect, Apply):
        return client_set(effect.manifest)
    return named_patch(effect.object, merge_patch(effect))


def named_patch(named: ObjectId, changes: Tree) -> Tree:
    """Changes together with what names the object, as both kubectl and kustomize take them."""
    metadata = changes.get("metadata")
    name: Tree = {"name": named.name, **({"namespace": named.namespace} if named.namespace else {})}
    meta = name | (metadata if isinstance(metadata, dict) else {})
    return {"apiVersion": named.api_version, "kind": named.kind} | changes | {"metadata": meta}


def merge_patch(effect: SetLabels | Patch) -> Tree:
    """The JSON merge patch of an effect."""
    return effect.patch if isinstance(effect, Patch) else _labels(effect, effect.labels)


def merge_patch_before(effect: SetLabels | Patch) -> Tree:
    """The same fields as they were."""
    return effect.before if isinstance(effect, Patch) else _labels(effect, effect.before)


def _labels(effect: SetLabels, labels: LabelChanges) -> Tree:
    changes: Tree = {"metadata": {"labels": dict(labels)}}
    if not effect.template:
        return changes
    template: Tree = {"spec": {"template": changes}}
    return {"spec": {"jobTemplate": template}} if effect.object.kind == CRON_JOB.name else template


def client_set(manifest: Tree) -> Tree:
    """Without what the API server sets, and would refuse or take for a conflict."""
    kept = {name: value for name, value in manifest.items() if name != "status"}
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        kept["metadata"] = {name: value for name, value in metadata.items() if name not in _SERVER_SET}
    return kept


def _commented(texts: Iterable[str], effect: Written) -> str:
    comments = "\n".join(line for text in texts for line in _comment(text))
    return f"{comments}\n{as_yaml(tree(effect))}"


def _reasons(step: Step) -> Iterator[str]:
    if step.because:
        yield f"Why: {', '.join(map(str, step.because))}"
    if step.predicts:
        yield f"What it does: {step.predicts}"
    for each in step.preconditions:
        yield f"Must hold before: {each}"
    if step.after:
        yield f"After: {', '.join(step.after)}"


def _comment(text: str) -> Iterable[str]:
    wrapped = textwrap.wrap(one_line(text), _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return (f"# {line}" for line in wrapped)
