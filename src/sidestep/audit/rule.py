"""What a rule is: a code, a name, and a function from facts to what it found."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Finding, Severity
from sidestep.model.kinds import KINDS
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.origin import Origin
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource

SUPPRESS = "sidestep.dev/suppress"


class Subject(Struct, frozen=True):
    """What a finding is about: an object's name, where it was read, and what its owner wrote on it."""

    id: ObjectId
    origin: Origin | None = None
    annotations: Labels = {}


class Found(Struct, frozen=True):
    """What a rule found in one place; `severity` only where it differs from the rule's usual one."""

    subject: Subject
    message: str
    fix: str
    evidence: tuple[Evidence, ...] = ()
    severity: Severity | None = None


class Rule(Struct, frozen=True):
    """One rule.

    Attributes:
        code: stable; never used again once retired.
        name: the finding in kebab-case words.
        title: the finding in one line, as a heading.
        severity: usual severity.
        check: facts to what was found.
        also: codes of other tools that mean the same.
    """

    code: str
    name: str
    title: str
    severity: Severity
    check: Callable[[Facts], Iterable[Found]]
    also: tuple[str, ...] = ()

    @property
    def docs(self) -> str:
        """The page, relative to the documentation's root."""
        return f"findings/{self.code}.md"

    def findings(self, facts: Facts) -> Iterable[Finding]:
        """All findings of this rule."""
        for found in self.check(facts):
            yield Finding(
                self.code,
                found.severity or self.severity,
                found.subject.id,
                found.message,
                found.fix,
                found.subject.origin,
                found.evidence,
                self.also,
                self.docs,
                _suppressed(self.code, found.subject, facts.options.suppress),
            )


def of_resource(resource: Resource[Any]) -> Subject:
    """An object that was read."""
    return Subject(resource.id, resource.origin, resource.meta.annotations)


def of_pod(pod: Pod) -> Subject:
    """A pod that was read."""
    return Subject(ObjectId("v1", "Pod", pod.namespace, pod.name), pod.origin, pod.shape.annotations)


def of_workload(workload: Workload) -> Subject:
    """A workload: its controller where that was read, else its name and the origin of one of its pods."""
    if workload.template:
        controller = workload.template.controller
        annotations = {**workload.template.shape.annotations, **controller.meta.annotations}
        return Subject(controller.id, controller.origin, annotations)
    group = workload.groups[0]
    ref = workload.ref
    identity = ObjectId(_api_version(ref.kind), ref.kind, ref.namespace, ref.name)
    return Subject(identity, group.pods[0].origin if group.pods else None, group.shape.annotations)


def _api_version(kind: str) -> str:
    return next((known.api_version() for known in KINDS if known.name == kind), "")


def _suppressed(code: str, subject: Subject, flags: tuple[str, ...]) -> str | None:
    """Why a finding is not counted: the object's annotation or the caller's flag names it."""
    named = {part.strip() for part in subject.annotations.get(SUPPRESS, "").split(",")}
    if code in named or "*" in named:
        return f"annotation {SUPPRESS}"
    for flag in flags:
        wanted, _, pattern = flag.partition("=")
        if wanted == code and _covers(pattern, subject.id):
            return f"--suppress {flag}"
    return None


def _covers(pattern: str, identity: ObjectId) -> bool:
    return not pattern or fnmatchcase(str(identity), pattern)
