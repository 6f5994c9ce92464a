"""Charts edited in place: the real Helm renders the same objects but for those that were to change."""

import json
import subprocess

import pytest
import yaml
from tests.support.commands import sidestep
from tests.support.kustomized import GUARD, NAMESPACE, contents, lay, objects, wanted
from tests.support.servers import server_binary

pytestmark = pytest.mark.real
NOTE = "sidestep.dev/rewritten-by"


def helm(*arguments):
    done = subprocess.run([server_binary("helm"), *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(folder):
    """All that is applied: the chart's release and the plain files beside it."""
    return "---\n".join((helm("template", "shop", folder / "web"), NAMESPACE % "default"))


@pytest.fixture
def repository(tmp_path):
    """A chart as `helm create` makes it."""
    (tmp_path / "repository").mkdir()
    helm("create", tmp_path / "repository" / "web")
    return tmp_path / "repository"


def convert(folder, *options):
    before = rendered(folder)
    (folder.parent / "rendered.yaml").write_text(before)
    way = ("--from", folder.parent / "rendered.yaml", "--in-place", "--repository", folder)
    done = sidestep("convert", *way, "-o", "json", *options)
    assert done.returncode in (0, 2), done.stderr
    document = json.loads(done.stdout)
    after, asked = objects(rendered(folder)), wanted(before, document)
    for key in {*after} - {key for key in asked if key[0] == "Gateway"}:
        assert unnoted(after[key]) == unnoted(asked[key]), key
    return document


def unnoted(tree):
    """Without our note, for which a template has no place."""
    notes = {name: value for name, value in (tree["metadata"].get("annotations") or {}).items() if name != NOTE}
    meta = {name: value for name, value in tree["metadata"].items() if name != "annotations"}
    return {**tree, "metadata": {**meta, **({"annotations": notes} if notes else {})}}


def test_labels_of_pods_become_values_where_the_chart_has_a_place_for_them(repository):
    before = contents(repository)
    document = convert(repository)
    after = contents(repository)
    assert {name for name in after if before.get(name) != after[name]} == {"web/values.yaml"}
    values = yaml.safe_load(after["web/values.yaml"])
    assert values["podLabels"] == {"istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false"}
    old, new = (each["web/values.yaml"].decode().splitlines() for each in (before, after))
    assert [line for line in old if line not in new] == ["podLabels: {}"]
    assert "Deployment" not in {each["object"]["kind"] for each in document["byHand"]}
    assert not [each for each in convert(repository)["changes"] if each["object"]["kind"] == "Deployment"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda chart: (chart / "values-prod.yaml").write_text("podLabels: {istio.io/dataplane-mode: none}\n"),
            "values-prod.yaml sets podLabels",
        ),
        (
            lambda chart: (chart / "templates" / "more.yaml").write_text("# {{ toYaml .Values.podLabels }}\n"),
            "used in more than one place",
        ),
        (
            lambda chart: (chart / "values.yaml").write_text(
                (chart / "values.yaml").read_text().replace("podLabels: {}\n", "")
            ),
            "does not say podLabels",
        ),
    ],
)
def test_where_it_is_not_certain_the_patch_is_told_and_the_chart_left_as_it_is(repository, spoil, says):
    spoil(repository / "web")
    before = contents(repository)
    (told,) = (each for each in convert(repository)["byHand"] if each["object"]["kind"] == "Deployment")
    assert says in told["reason"]
    assert "istio.io~1dataplane-mode" in told["patch"]
    assert contents(repository) == before


def test_what_a_template_says_itself_is_told_with_its_patch(repository):
    lay(
        repository,
        {"web/templates/guard.yaml": GUARD.replace("  name:", "  namespace: default\n  name:") % {"name": "web"}},
    )
    template = repository / "web" / "templates" / "guard.yaml"
    template.write_text(template.read_text().replace("app: web", "app.kubernetes.io/name: web"))
    before = contents(repository)["web/templates/guard.yaml"]
    document = convert(repository, "--force")
    told = {each["object"]["kind"]: each for each in document["byHand"]}
    assert "a chart makes it" in told["Service"]["reason"]
    assert "use-waypoint" in told["Service"]["patch"]
    assert contents(repository)["web/templates/guard.yaml"] == before
