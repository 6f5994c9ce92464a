"""Folders for Kustomize, and what the real one makes of them."""

import subprocess
from pathlib import Path

import yaml
from tests.support.servers import server_binary

APP = """\
# the %(name)s team's
apiVersion: v1
kind: ServiceAccount
metadata: {name: %(name)s}
---
apiVersion: v1
kind: Service
metadata:
  name: %(name)s   # called by everybody
  labels: {app: %(name)s}
spec:
  selector: {app: %(name)s}
  ports:
    - {name: http, port: 80, targetPort: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %(name)s}
spec:
  selector: {matchLabels: {app: %(name)s}}
  template:
    metadata:
      labels: {app: %(name)s, version: v1}
    spec:
      serviceAccountName: %(name)s
      containers:
      - name: server
        image: registry.example.com/%(name)s:1
        ports: [{containerPort: 8080}]
"""
GUARD = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: %(name)s-guard
spec:
  selector: {matchLabels: {app: %(name)s}}
  rules:
  - to: [{operation: {methods: [GET]}}]   # reads only
"""
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels: {istio-injection: enabled}
"""


def lay(folder: Path, files: dict[str, str]) -> Path:
    """Write files; bytes as they are."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files, but for git's."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def built(folder: Path) -> str:
    """What `kubectl kustomize` makes."""
    done = subprocess.run(
        [server_binary("kubectl"), "kustomize", folder], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(text: str) -> dict[tuple[str, str, str], dict]:
    """By kind, namespace (`default` where none is said) and name; none twice."""
    found = {}
    for tree in yaml.safe_load_all(text):
        if tree:
            key = (tree["kind"], tree["metadata"].get("namespace") or "default", tree["metadata"]["name"])
            assert key not in found
            found[key] = tree
    return found


def wanted(before: str, document: dict) -> dict[tuple[str, str, str], dict]:
    """Objects as a conversion's document wants them in the end, without those that are left to be done by hand."""
    found, left = objects(before), {tuple(sorted(each["object"].items())) for each in document["byHand"]}
    for change in document["changes"]:
        named = change["object"]
        key = (named["kind"], named.get("namespace") or "default", named["name"])
        if tuple(sorted(named.items())) in left:
            continue
        found.pop(key, None)
        if change["manifest"] is not None:
            found[key] = change["manifest"]
    return found
