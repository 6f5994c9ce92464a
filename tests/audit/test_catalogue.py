"""The catalogue, its files, tests and pages agree; every planted oddity is found."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.support.mesh import facts, labelled
from tools.check_docs import FINDINGS, pages
from tools.meshgen.build import build, objects
from tools.meshgen.config import Config
from tools.meshgen.oddities import ODDITIES

from sidestep.audit.audit import judge
from sidestep.audit.catalogue import RULES
from sidestep.audit.facts import Options
from sidestep.audit.gather import gather
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.origin import ClusterOrigin
from sidestep.model.telemetry import Telemetry
from sidestep.sources.objects.builder import MeshBuilder

ROOT = Path(__file__).parents[2]
MODULES = {path.stem for path in (ROOT / "src/sidestep/audit/rules").glob("[a-z]*.py")}
TESTS = {path.stem.removeprefix("test_"): path.read_text() for path in (ROOT / "tests/audit/rules").glob("test_*.py")}

PUBLISHED = (
    "SID101", "namespace-inject-label",
    "SID102", "inject-annotation-only",
    "SID103", "inject-value-not-boolean",
    "SID104", "revision-unknown",
    "SID105", "injection-labels-conflict",
    "SID106", "drift",
    "SID107", "old-revision-sidecar",
    "SID108", "job-classic-sidecar",
    "SID109", "user-proxy-container",
    "SID110", "uid-1337",
    "SID111", "host-network-enrolled",
    "SID112", "proxyless-grpc",
    "SID113", "sidecar-without-hbone",
    "SID114", "proxy-requests-dropped",
    "SID115", "proxy-oom-killed",
    "SID116", "cheapest-win",
    "SID117", "proxy-limit-below-use",
    "SID118", "ambient-label-and-sidecar",
    "SID119", "ambient-not-captured",
    "SID120", "pod-before-cni",
    "SID121", "waypoint-not-available",
    "SID122", "waypoint-binding-broken",
    "SID123", "network-policy-blocks-hbone",
    "SID124", "cni-conflict",
    "SID201", "waypoint-on-one-node",
    "SID202", "tls-origination-lost",
    "SID203", "egress-control-lost",
    "SID204", "egress-gateway-bypassed",
    "SID205", "host-network-meets-strict",
    "SID206", "host-network-guarded-in-vain",
    "SID207", "policy-shuts-everybody-out",
    "SID208", "policy-never-denies",
    "SID209", "policy-denies-more",
    "SID210", "policy-never-sent",
    "SID211", "policy-refused-by-ztunnel",
    "SID212", "policy-target-unbound",
    "SID213", "ambient-label-as-annotation",
    "SID214", "headless-past-waypoint",
    "SID215", "policy-without-service",
    "SID216", "entry-without-address",
    "SID217", "drain-too-short",
    "SID218", "tracing-gap",
    "SID219", "port-protocol-undeclared",
    "SID220", "script-calls-proxy",
    "SID221", "strict-port-left-open",
    "SID222", "plaintext-port-refused",
    "SID223", "mtls-disable-ignored",
    "SID224", "ingress-dials-pods",
    "SID225", "ingress-skips-waypoint",
    "SID226", "sidecars-skip-waypoint",
    "SID227", "waypoint-shut-out",
    "SID228", "route-applied-twice",
    "SID229", "roots-differ",
    "SID230", "trust-domain-dropped",
    "SID231", "written-address",
    "SID232", "namespace-unseen",
    "SID233", "port-left-alone",
    "SID234", "refused-by-istio",
)  # fmt: skip


def module_of(rule) -> str:
    return rule.check.__module__.rpartition(".")[2]


def test_codes_are_in_order_and_never_twice():
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert len({rule.name for rule in RULES}) == len(RULES) >= 24


def test_every_file_is_a_rule_and_every_rule_has_tests_of_each_kind():
    assert {module_of(rule) for rule in RULES} == MODULES == TESTS.keys()
    for name, text in TESTS.items():
        for form in ("def test_reports_", "def test_silent_", "def test_boundary_"):
            assert form in text, f"{name} has no {form}"


def test_every_rule_has_its_page_and_its_line_in_the_index():
    assert list(pages()) == []


@pytest.mark.parametrize(
    ("page", "before", "after", "problem"),
    [
        ("SID105.md", "IST0123\n", "IST0124\n", "SID105.md does not open"),
        ("SID104.md", "Severity: error", "Severity: info", "SID104.md does not open"),
        ("SID104.md", "## How to fix", "## Fix", "SID104.md must have the sections"),
        ("README.md", "| error | Classic", "| info | Classic", "README.md does not list"),
    ],
)
def test_pages_that_disagree_are_seen(tmp_path, page, before, after, problem):
    folder = shutil.copytree(FINDINGS, tmp_path / "findings")
    text = (folder / page).read_text()
    assert before in text
    (folder / page).write_text(text.replace(before, after))
    (found,) = pages(folder)
    assert problem in found


def test_pages_too_few_and_too_many_are_seen(tmp_path):
    folder = shutil.copytree(FINDINGS, tmp_path / "findings")
    (folder / "SID101.md").rename(folder / "SID999.md")
    assert list(pages(folder)) == [
        "SID101 has no page docs/findings/SID101.md",
        "docs/findings/SID999.md is about no rule",
    ]


def test_names_are_file_names():
    assert all(rule.name.replace("-", "_") == module_of(rule) for rule in RULES)


def test_codes_are_those_that_were_published():
    """A code keeps its meaning for ever: a new rule adds a line here, a retired one leaves its line as a comment."""
    assert {rule.code: rule.name for rule in RULES} == dict(zip(PUBLISHED[::2], PUBLISHED[1::2], strict=True))


def test_titles_are_headings():
    for rule in RULES:
        assert rule.title[0].isupper()
        assert not rule.title.endswith(".")
        assert rule.name == rule.name.lower()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_an_empty_mesh_has_nothing_wrong(rule):
    assert list(rule.findings(facts())) == []


def planted(config: Config):
    builder = MeshBuilder()
    for _, texts in objects(build(config)):
        for text in texts:
            builder.add(text.encode(), ClusterOrigin("generated"))
    mesh = builder.build(SourceInfo(SourceKind.CLUSTER, "generated"))
    assert mesh.gaps == ()
    return gather(mesh, Telemetry(), Options())


@pytest.fixture(scope="module")
def odd():
    return judge(planted(Config(nodes=20, pods=200)))


ORDINARY = {"SID207", "SID218", "SID226"}
"""What the generated mesh has without being odd: policies that look at HTTP, traces, a waypoint among sidecars."""


def test_every_planted_oddity_is_found(odd):
    found = {finding.code for finding in odd}
    assert found == {code for code in ODDITIES if code.startswith("SID")} | ORDINARY


def test_findings_are_sorted_and_whole(odd):
    ranks = [finding.severity.rank for finding in odd]
    assert ranks == sorted(ranks, reverse=True)
    for finding in odd:
        assert finding.message
        assert finding.fix
        assert finding.evidence
        assert finding.origin
        assert json.loads(f'"{finding.code}"')


def test_one_object_is_named_once_by_each_rule(odd):
    counts = Counter((finding.code, finding.object, finding.message) for finding in odd)
    assert set(counts.values()) == {1}


NAMESPACE_LABEL = {"sidecar.istio.io/inject": "true"}


@pytest.mark.parametrize(
    ("flag", "suppressed"),
    [
        ("SID101", True), ("SID101=Namespace shop", True), ("SID101=Namespace sh*", True), ("SID101=*", True),
        ("SID102", False), ("SID101=Namespace other", False), ("SID10", False),
    ],
)  # fmt: skip
def test_flags_suppress(flag, suppressed):
    (finding,) = judge(facts(labelled("shop", NAMESPACE_LABEL), options=Options(suppress=(flag,))))
    assert (finding.suppressed is not None) is suppressed


@pytest.mark.parametrize(
    ("value", "suppressed"), [("SID101", True), ("SID9, SID101", True), ("*", True), ("SID1", False)]
)
def test_annotations_suppress(value, suppressed):
    shop = labelled("shop", NAMESPACE_LABEL)
    shop["metadata"]["annotations"] = {"sidestep.dev/suppress": value}
    (finding,) = judge(facts(shop))
    assert (finding.suppressed is not None) is suppressed


def test_only_the_namespaces_asked_for_are_judged():
    both = (labelled("a", {"istio-injection": "enabled", "istio.io/rev": "x"}), labelled("b", NAMESPACE_LABEL))
    assert [found.object.name for found in judge(facts(*both, options=Options(namespaces=("b",))))] == ["b"]
    assert judge(facts(*both, options=Options(namespaces=("c",)))) == ()
