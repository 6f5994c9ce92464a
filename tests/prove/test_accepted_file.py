"""Files of accepted differences: every entry says who answers for it, and nothing is read that was not meant."""

from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sidestep.errors import WorldError
from sidestep.prove.accepted import Scope
from sidestep.prove.accepted_file import accepted_entries
from sidestep.prove.proof import Direction

HEAD = "apiVersion: sidestep.dev/v1\nkind: AcceptedDifferences\naccepted:\n"
WHO = "reason: fine, owner: me, expires: 2027-01-31"


def read(*entries):
    return accepted_entries(yaml.safe_load(HEAD + "".join(f"- {{{each}}}\n" for each in entries)), "a.yaml")


def test_everything_that_can_be_said():
    first, second, third = read(
        f"name: legacy, code: D15, scope: {{destination: shop/*, client: '*/web', method: GET, path: /a/*}}, {WHO}",
        f"codes: [D06, D33], direction: open, {WHO.replace('2027-01-31', chr(39) + '2027-01-31' + chr(39))}",
        f"preset: shape, {WHO}",
    )
    assert (first.name, first.codes, first.scope) == ("legacy", ("D15",), Scope("shop/*", "*/web", "GET", "/a/*"))
    assert (first.reason, first.owner, first.expires) == ("fine", "me", date(2027, 1, 31))
    assert (second.name, second.codes, second.direction) == ("D06 D33 open", ("D06", "D33"), Direction.OPEN)
    assert second.expires == date(2027, 1, 31)
    assert (third.name, third.direction) == ("preset shape", Direction.SHAPE)
    assert third.where == "a.yaml accepted[2]"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (WHO, "neither a code"),
        (f"code: D99, {WHO}", "'D99'"),
        (f"code: [D15, 7], {WHO}", "7"),
        (f"direction: sideways, {WHO}", "sideways"),
        (f"direction: 3, {WHO}", "direction is no text"),
        (f"preset: all, {WHO}", "'all' is no preset"),
        (f"preset: shape, code: D15, {WHO}", "preset"),
        (f"code: D15, scope: shop, {WHO}", "scope"),
        (f"code: D15, scope: {{service: cart}}, {WHO}", "'service'"),
        (f"code: D15, scope: {{method: [GET]}}, {WHO}", "method"),
        (f"code: D15, expire: 2027-01-31, {WHO}", "'expire'"),
        ("code: D15, owner: me, expires: 2027-01-31", "no reason"),
        ("code: D15, reason: ' ', owner: me, expires: 2027-01-31", "no reason"),
        ("code: D15, reason: fine, expires: 2027-01-31", "no owner"),
        ("code: D15, reason: fine, owner: me", "no day"),
        ("code: D15, reason: fine, owner: me, expires: soon", "'soon'"),
        ("code: D15, reason: fine, owner: me, expires: 2027", "2027"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(entry, told):
    with pytest.raises(WorldError) as raised:
        read(f"code: D15, {WHO}", entry)
    assert told in raised.value.message
    assert raised.value.where.startswith("a.yaml accepted[1]")
    assert raised.value.remedy


@pytest.mark.parametrize(
    "tree",
    [None, [], "text", {}, {"kind": "AcceptedDifferences"}, yaml.safe_load(HEAD), yaml.safe_load(f"{HEAD}- 3\n")],
)
def test_other_files_are_refused(tree):
    with pytest.raises(WorldError):
        accepted_entries(tree, "a.yaml")


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "scope", "expires", "preset", "reason", "owner", "direction"]), inner
        )
    ),
)


@given(TREES)
def test_no_entry_is_a_fault_of_ours(entry):
    with pytest.raises(WorldError):
        accepted_entries({**yaml.safe_load(HEAD), "accepted": [entry, {}]}, "a.yaml")
