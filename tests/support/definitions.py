"""The definitions that clusters of the field have: Gateway API's and Istio's own, with their schemas and CEL rules."""

import json
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct
from tests.support.servers import ApiServer, tolerating
from tools.test_servers import Unavailable, module_folders

Object = dict[str, Any]
GATEWAY_API, ISTIO = "sigs.k8s.io/gateway-api", "istio.io/api"
_CHANNEL = Path("config", "crd", "experimental")
_ISTIO_FILE = Path("kubernetes", "customresourcedefinitions.gen.yaml")
_MADE = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SAID = frozenset({"creationTimestamp", "resourceVersion", "uid", "generation", "managedFields", "ownerReferences"})
_THERE = "AlreadyExists"
"""What is said last of an object that is fine."""
_READY_SECONDS = 60


class Place(Struct, frozen=True):
    """Where the objects of a kind are, on a server."""

    plural: str
    namespaced: bool


def definitions() -> Iterator[Object]:
    """Every definition; the test is skipped by name where this machine cannot have them."""
    try:
        folders = module_folders("definitions", GATEWAY_API, ISTIO)
    except (Unavailable, OSError) as error:
        pytest.skip(f"the definitions of Gateway API and Istio cannot be had here: {error}")
    files = [*sorted((folders[GATEWAY_API] / _CHANNEL).glob("*_*.yaml")), folders[ISTIO] / _ISTIO_FILE]
    for file in files:
        for tree in yaml.load_all(file.read_text(), yaml.CSafeLoader):
            if (tree or {}).get("kind") == "CustomResourceDefinition":
                yield tree


class Validation:
    """A server that is asked whether it would take objects, as strictly as it can."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._places: dict[tuple[str, str], Place] = {}
        for tree in definitions():
            server.send("POST", _MADE, tree)
        wait_for_definitions(server)
        self._spaces = {"default"}

    def refusal(self, tree: Object) -> str:
        """Why an object is refused; empty for one that is taken."""
        place = self._place(tree["apiVersion"], tree["kind"])
        if place is None:
            return f"the server knows no {tree['kind']} in {tree['apiVersion']}"
        path = self._path(tree, place)
        try:
            self._server.send("POST", f"{path}?dryRun=All&fieldValidation=Strict", _unstamped(tree))
        except urllib.error.HTTPError as error:
            said = json.load(error)
            return "" if said["reason"] == _THERE else str(said["message"])
        return ""

    def _path(self, tree: Object, place: Place) -> str:
        base = _base(tree["apiVersion"])
        namespace = tree["metadata"].get("namespace", "") if place.namespaced else ""
        self._have(namespace)
        return f"{base}/namespaces/{namespace}/{place.plural}" if namespace else f"{base}/{place.plural}"

    def _have(self, namespace: str) -> None:
        """Objects are refused where their namespace is not there."""
        if namespace and namespace not in self._spaces:
            self._spaces.add(namespace)
            with tolerating(409):
                self._server.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    def _place(self, version: str, kind: str) -> Place | None:
        if not any(known == version for known, _ in self._places):
            try:
                listed = self._server.send("GET", _base(version))["resources"]
            except urllib.error.HTTPError:
                return None
            for each in listed:
                if "/" not in each["name"]:
                    self._places[version, each["kind"]] = Place(each["name"], each["namespaced"])
        return self._places.get((version, kind))


def wait_for_definitions(server: ApiServer) -> None:
    """Definitions are served a moment after they are accepted."""
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        found = server.send("GET", _MADE)["items"]
        if found and all(_is_established(each) for each in found):
            return
        time.sleep(0.05)
    pytest.fail("the definitions were not established")


def _is_established(tree: Object) -> bool:
    conditions = tree.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _base(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _unstamped(tree: Object) -> Object:
    """An object as it is sent: without what only the server says."""
    kept = {name: value for name, value in tree["metadata"].items() if name not in _SAID}
    sent = {**{name: value for name, value in tree.items() if name != "status"}, "metadata": kept}
    if tree["kind"] == "Service" and (spec := tree.get("spec") or {}).get("clusterIP", "None") != "None":
        sent["spec"] = {name: value for name, value in spec.items() if name not in ("clusterIP", "clusterIPs")}
    return sent
