"""Converting twice changes nothing: on inputs that nobody here wrote, and on a generated mesh."""

import json
import subprocess
import sys

import pytest
from tests.support.commands import sidestep
from tests.support.kustomized import NAMESPACE, contents

SAMPLES = {
    "bookinfo": ("bookinfo/apps/bookinfo.yaml", "bookinfo/networking/virtual-service-reviews-90-10.yaml",
                 "bookinfo/networking/destination-rule-all.yaml", "bookinfo/networking/bookinfo-gateway.yaml"),
    "online-boutique": ("online-boutique/kubernetes-manifests.yaml", "online-boutique/istio-manifests.yaml",
                        "online-boutique/network-policies.yaml"),
}  # fmt: skip
POLICIES = """\
# everybody asks for what they may only
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: reads}
spec:
  selector: {matchLabels: {app: %s}}
  rules: [{to: [{operation: {methods: [GET, POST]}}]}]   # no more
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
"""


@pytest.fixture(params=["bookinfo", "online-boutique", "generated"])
def repository(request, tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    if request.param == "generated":
        command = [
            sys.executable,
            "-m",
            "tools.meshgen",
            "--nodes",
            "6",
            "--pods",
            "150",
            "--plain",
            "--out",
            str(folder),
        ]
        subprocess.run(command, check=True, capture_output=True)
        return folder
    corpus = request.getfixturevalue("corpus")
    for name in SAMPLES[request.param]:
        (folder / name.rpartition("/")[2]).write_bytes((corpus / name).read_bytes())
    guarded = "ratings" if request.param == "bookinfo" else "cartservice"
    (folder / "policies.yaml").write_text(POLICIES % guarded)
    (folder / "namespace.yaml").write_text(NAMESPACE % "default")
    return folder


def test_in_place(repository):
    first = sidestep("convert", "--from", repository, "--in-place", "-o", "json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["changes"]
    after = contents(repository)
    second = sidestep("convert", "--from", repository, "--in-place", "-o", "json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["changes"] == []
    assert contents(repository) == after


def test_as_a_folder(repository, tmp_path):
    found = []
    for _ in range(2):
        done = sidestep("convert", "--from", repository, "--out", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        found.append(contents(tmp_path / "out"))
    assert found[0] == found[1]
