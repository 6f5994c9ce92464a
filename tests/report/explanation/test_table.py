"""What the answer says for a terminal."""

import re

import pytest
from tests.support import explanations as made

from sidestep.report.explanation import log_table, matrix_table, symptom_table, table
from sidestep.report.explanation.stops import route_words
from sidestep.report.formats import Look


def shown(make, width=100):
    return table.render(make(), Look(width))


def test_the_picture_of_a_refusal():
    assert shown(made.refused).startswith(
        """\
Deployment shop/web sends POST / to cart:80

Today: ✗ denied (403)
  Refused at the server sidecar of Deployment shop/cart with 403: AuthorizationPolicy shop/readers
  admits only what its rules say: rule 1 does not match because method POST is not in GET.

  ● Deployment shop/web
  │
  ▼ in its own pod
  ┌ client sidecar · Deployment shop/web
  │ sends as cluster.local/ns/shop/sa/web
  │
  ▼ mTLS to port 8080
  ┌ server sidecar · Deployment shop/cart
"""
    )
    assert "  ✗ denied at server sidecar · Deployment shop/cart\n" in shown(made.refused)


def test_states_stand_in_order_with_what_would_change_and_its_pages():
    text = shown(made.three_states)
    heads = ["Today: ✓ allowed", "By labels alone: ✗ denied (reset)", "Planned: ✓ allowed", "What would change"]
    assert [text.index(head) for head in heads] == sorted(text.index(head) for head in heads)
    assert "D05 closed: by labels alone:" in text
    assert "/docs/differences/D05.md" in text
    assert "┌ waypoint · shop/waypoint" in text


def test_nothing_that_changes_is_said():
    told = made.three_states()
    same = type(told)(told.request, told.states[:1] * 2, client=told.client)
    assert table.NOTHING in table.render(same, Look())
    assert "What would change" not in shown(made.refused)


def test_ways_that_differ_are_drawn_apart():
    text = shown(made.several_ways)
    assert text.count("● Deployment shop/web") == 2
    assert "Deployment shop/a, 50% of requests: allowed" in text
    assert "▼ plaintext to port 8080" in text


def test_what_is_not_known_says_so():
    assert "Today: ? unknown" in shown(made.unknown)
    assert "the external authorizer 'opa' decides" in shown(made.unknown)


def test_a_wave_is_told_by_its_number():
    told = made.refused()
    state = type(told.states[0])("3", *[getattr(told.states[0], name) for name in told.states[0].__struct_fields__[1:]])
    assert "After wave 3: ✗ denied" in table.render(type(told)(told.request, (state,)), Look())


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (None, ""),
        ({"source": "default", "backends": [{"host": "a"}]}, ""),
        (
            {
                "source": "VirtualService",
                "object": {"namespace": "shop", "name": "vs"},
                "rule": "http[0]",
                "timeout": "3s",
                "faults": ["abort 500"],
                "backends": [{"host": "a", "subset": "v1", "weight": 90}, {"host": "b", "weight": 10}],
            },
            "VirtualService shop/vs http[0] to a subset v1 (weight 90), b (weight 10) (timeout 3s; abort 500)",
        ),
        ({"source": "passthrough"}, "passthrough"),
    ],
)
def test_routes_in_words(route, expected):
    assert route_words(route) == expected


def test_a_log_line_says_what_it_means_and_whether_the_mesh_agrees():
    text = log_table.render(made.log(), Look(100))
    assert "The mesh agrees" in text
    assert "written by: sidecar outbound (it connects from the client's own address)" in text
    assert "✓ reaches Deployment shop/httpbin" in text
    alone = log_table.render(made.log_alone(), Look(100))
    assert "foo/deny-all" in alone
    assert "The mesh was not asked" in alone


def test_causes_stand_in_order_with_their_findings():
    text = symptom_table.render(made.symptoms(), Look(100))
    assert text.index("SID207 AuthorizationPolicy shop/readers") < text.index("to be checked by hand")
    assert "No symptom that is known fits" in symptom_table.render(made.no_symptom(), Look(100))


def test_a_matrix_in_blocks_as_wide_as_the_terminal():
    wide, narrow = (matrix_table.render(made.wide_matrix(), Look(width)) for width in (400, 60))
    assert wide.count("CALLER") < narrow.count("CALLER")
    for number in range(20):
        assert f"service-number-{number}:" in narrow
    text = matrix_table.render(made.callers(), Look(100))
    assert re.search(r"^web +some .* allowed$", text, re.MULTILINE)
    assert re.search(r"^namespace web: front +some", text, re.MULTILINE)
