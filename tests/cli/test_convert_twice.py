"""Converting twice changes nothing: on inputs that nobody here wrote, and on a generated mesh."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import sidestep
from tests.support.kustomized import NAMESPACE, contents

SHOP = Path(__file__).parents[2] / "docs" / "examples" / "shop.yaml"
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
SUBSETS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}]}
%s---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec: {host: cart, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart]
  http:
  - route:
    - {destination: {host: cart, subset: v1}, weight: 90}
    - {destination: {host: cart, subset: v2}, weight: 10}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: shop}
spec: {}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: reads, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  rules: [{to: [{operation: {methods: [GET], ports: ["8080"]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: admin, namespace: shop}
spec:
  action: DENY
  rules: [{to: [{operation: {paths: ["/admin*"]}}]}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  jwtRules: [{issuer: shop, jwks: '{"keys":[]}'}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: logs, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  accessLogging: [{providers: [{name: envoy}]}]
"""
VERSION = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-%(version)s, namespace: shop}
spec:
  selector: {matchLabels: {app: cart, version: %(version)s}}
  template:
    metadata: {labels: {app: cart, version: %(version)s}}
    spec:
      containers: [{name: cart, image: "registry.example.com/cart:1", ports: [{containerPort: 8080}]}]
"""
PORTS = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: orders, namespace: shop}
spec:
  podSelector: {matchLabels: {app: orders}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: orders, namespace: shop}
spec: {hosts: [orders], http: [{timeout: 5s, route: [{destination: {host: orders}}]}]}
"""


@pytest.fixture(params=["bookinfo", "online-boutique", "generated", "subsets", "ports"])
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
    if request.param == "subsets":
        versions = "".join(VERSION % {"version": each} for each in ("v1", "v2"))
        (folder / "shop.yaml").write_text(SUBSETS % versions)
        return folder
    if request.param == "ports":
        (folder / "shop.yaml").write_text(SHOP.read_text() + PORTS)
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
