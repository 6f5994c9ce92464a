"""The page of symptoms is what the catalogue generates."""

from tools.symptoms_page import PAGE, page

from sidestep.audit.symptoms import SYMPTOMS


def test_the_page_is_current():
    assert PAGE.read_text() == page(), "run python -m tools.symptoms_page"


def test_it_lists_every_symptom_and_every_cause():
    text = page()
    for symptom in SYMPTOMS:
        assert f"\n## {symptom.title}\n" in text
        assert all(cause.what in text and cause.check in text for cause in symptom.causes)
