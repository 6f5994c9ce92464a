"""Services that a conversion makes are doors to pods that had one before: files tell no addresses by which to know them."""

import json
import re

from tests.cli.test_convert_twice import SUBSETS, VERSION
from tests.support.commands import sidestep

DOORS = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {}}], ports: [{protocol: TCP, port: 8080}]}]
"""


def test_who_was_kept_out_gets_in_by_no_new_name(tmp_path):
    before, after = tmp_path / "before.yaml", tmp_path / "after"
    before.write_text(SUBSETS % "".join(VERSION % {"version": each} for each in ("v1", "v2")) + DOORS)
    after.mkdir()
    (after / "shop.yaml").write_text(before.read_text())
    done = sidestep("convert", "--from", after, "--in-place", "-o", "json")
    assert done.returncode == 0, done.stderr
    made = {each["object"]["name"] for each in json.loads(done.stdout)["changes"]}
    assert {"cart-v1-cart-ports", "cart-v2-cart-ports"} <= made
    assert sidestep("prove", before, after, "--accept-preset", "closed", "--accept-preset", "shape").returncode == 0
    for path in after.rglob("*.yaml"):
        kept = [
            each
            for each in re.split(r"^---$", path.read_text(), flags=re.MULTILINE)
            if "cart-v1-cart-ports" not in each
        ]
        path.write_text("---".join(kept))
    found = json.loads(sidestep("prove", before, after, "-o", "json").stdout)["counterexamples"]
    assert {"open"} == {
        each["direction"] for each in found if "cart-v1.shop" in each["request"] and not each["accepted"]
    }
