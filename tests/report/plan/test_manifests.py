"""Values as YAML: whichever of the two writers is needed, what is read is what was meant, and people can read it too."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sidestep.report.plan.manifests import as_yaml

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


@given(st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.booleans(), st.lists(TEXTS))))
def test_what_is_written_is_read(tree):
    assert yaml.load(as_yaml(tree), Loader=yaml.CSafeLoader) == tree


@pytest.mark.parametrize("text", ["a \U0001f600", "first \U0001f600\nsecond\n"])
def test_letters_of_every_plane_stand_as_they_are(text):
    assert "\U0001f600" in as_yaml({"title": text})


def test_half_a_letter_is_escaped():
    assert as_yaml({"title": "\ud800"}) == 'title: "\\uD800"\n'
