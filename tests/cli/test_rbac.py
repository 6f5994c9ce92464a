"""`sidestep rbac --for migrate`: the roles of one plan."""

from pathlib import Path

import pytest
import yaml
from tests.support.commands import sidestep

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan") / "shop"
    sidestep("plan", "--from", EXAMPLES / "shop.yaml", "--out", folder)
    return folder


def test_the_shipped_example_is_what_is_printed(plan):
    printed = sidestep("rbac", "--for", "migrate", "--plan", plan).stdout
    assert list(yaml.safe_load_all(printed)) == list(yaml.safe_load_all((EXAMPLES / "shop-rbac.yaml").read_text()))


def test_it_names_what_the_plan_changes_and_nothing_else(plan):
    _, role, _ = yaml.safe_load_all(sidestep("rbac", "--for", "migrate", "--plan", plan).stdout)
    changed = {
        (resource, name)
        for rule in role["rules"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ["*"])
        if set(rule["verbs"]) & {"create", "update", "patch", "delete"}
    }
    assert {each for each in changed if each[0] == "deployments"} == {
        ("deployments", "orders"), ("deployments", "stock"), ("deployments", "web"),
    }  # fmt: skip
    assert not [each for each in changed if each[1] == "*" or each[0] in {"secrets", "pods", "clusterroles"}]


def test_records_are_kept_where_one_says(plan):
    *_, role = yaml.safe_load_all(sidestep("rbac", "--for", "migrate", "--plan", plan, "-n", "ops").stdout)
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "ops")


@pytest.mark.parametrize("given", [["--for", "migrate"], ["--plan", "x"]])
def test_a_role_for_migrating_is_that_of_a_plan(given):
    done = sidestep("rbac", *given)
    assert done.returncode == 1
    assert "--for migrate and --plan go together" in done.stderr
