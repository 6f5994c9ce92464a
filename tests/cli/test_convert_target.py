"""`sidestep convert --for`: only what that Istio, and that channel of the Gateway API, reads."""

import json
from pathlib import Path

import pytest
from tests.support.commands import sidestep

SHOP = (Path(__file__).parents[2] / "docs" / "examples" / "shop.yaml").read_text()
ROUTE = """
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: orders, namespace: shop}
spec:
  hosts: [orders]
  http:
  - {%s, route: [{destination: {host: orders}}]}
"""
ISTIOD = """
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod}}
spec:
  selector: {matchLabels: {app: istiod}}
  template:
    metadata: {labels: {app: istiod}}
    spec: {containers: [{name: discovery, image: "docker.io/istio/pilot:1.29.2"}]}
"""
FEATURES = {
    "mirror-share": ("mirror: {host: stock}, mirrorPercentage: {value: 10}", "1.25", "1.26", []),
    "cors": (
        "corsPolicy: {allowOrigins: [{exact: 'https://a.example'}], unmatchedPreflights: IGNORE}",
        "1.29",
        "1.30",
        [],
    ),
    "retry": (
        "retries: {attempts: 2, retryOn: 'connect-failure,refused-stream,unavailable,cancelled,503'}",
        "1.24",
        "1.25",
        ["--gateway-api", "experimental"],
    ),
}


def converted(tmp_path, text, *options):
    (tmp_path / "mesh.yaml").write_text(text)
    done = sidestep("convert", "--from", tmp_path / "mesh.yaml", "-o", "json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def routes(document):
    return [each["manifest"] for each in document["changes"] if each["object"]["kind"] == "HTTPRoute"]


@pytest.mark.parametrize("feature", FEATURES)
def test_a_field_is_written_for_who_reads_it_and_kept_or_lost_for_who_does_not(tmp_path, feature):
    spec, before, since, more = FEATURES[feature]
    old, _ = converted(tmp_path, SHOP + ROUTE % spec, "--for", before, *more)
    new, _ = converted(tmp_path, SHOP + ROUTE % spec, "--for", since, *more)
    field = {"mirror-share": "percent", "cors": "allowOrigins", "retry": "retry"}[feature]
    assert field in json.dumps(routes(new))
    assert field not in json.dumps(routes(old))
    about = [loss for loss in old["losses"] if loss["object"]["kind"] == "VirtualService"]
    assert len(about) > len([loss for loss in new["losses"] if loss["object"]["kind"] == "VirtualService"])


def test_the_channel_is_what_is_said_and_else_what_the_mesh_tells(tmp_path):
    text = SHOP + ROUTE % FEATURES["retry"][0]
    definition = "\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: httproutes.gateway.networking.k8s.io\n  annotations: {gateway.networking.k8s.io/channel: experimental}\n"  # fmt: skip
    cases = {
        ("",): False, ("", "--gateway-api", "experimental"): True, (definition,): True,
        (definition, "--gateway-api", "standard"): False,
    }  # fmt: skip
    for (more, *options), is_written in cases.items():
        document, _ = converted(tmp_path, text + more, *options)
        assert ('"retry"' in json.dumps(routes(document))) is is_written, options


def test_a_target_older_than_the_mesh_is_told(tmp_path):
    for target, is_told in (("1.28", True), ("1.29", False), ("1.30", False), ("upstream", False)):
        document, said = converted(tmp_path, SHOP + ISTIOD, "--for", target)
        assert ("older than the mesh's Istio 1.29.2" in said) is is_told
        assert document["istio"] == (target if target != "upstream" else "1.29.2")


def test_a_target_outside_of_what_is_known_is_told(tmp_path):
    _, said = converted(tmp_path, SHOP, "--for", "1.99")
    assert "outside of what is modelled" in said


def test_what_is_no_version_is_refused_by_the_name_of_the_option(tmp_path):
    done = sidestep("convert", "--from", tmp_path, "--for", "newest")
    assert done.returncode == 1
    assert "--for: 'newest' is no version" in done.stderr
