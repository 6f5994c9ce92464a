"""Anchors, aliases and merge keys: whatever changes, the result says what is wanted, and nothing is refused."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.document import edit_document, read_value
from sidestep.errors import WorldError


def written(choice):
    """A document whose later entries repeat its earlier ones."""
    anchors, lines = [], []
    for number in range(choice.randint(2, 6)):
        mappings = [name for name in anchors if name.startswith("m")]
        form = choice.choice(("alias", "list", "merge", "mapping", "scalar")) if anchors else "mapping"
        if form == "alias":
            lines.append(f"k{number}: *{choice.choice(anchors)}{choice.choice(('', ' # note'))}")
        elif form == "list":
            lines.append(f"k{number}: [*{choice.choice(anchors)}, 2]")
        elif form == "merge" and mappings:
            several = ", ".join(f"*{name}" for name in mappings[:2])
            lines += [f"k{number}:", choice.choice((f"  <<: *{choice.choice(mappings)}", f"  <<: [{several}]"))]
            lines += [line for line in ("  p: 5", f"  z: [*{choice.choice(anchors)}, 1]") if choice.random() < 0.6]
        elif form == "scalar":
            anchors.append(f"s{number}")
            lines.append(f"k{number}: &s{number} {choice.choice(('1', 'text', '[1, 2]'))}")
        else:
            anchors.append(f"m{number}")
            block = [f"k{number}: &m{number}", f"  p: {choice.randint(0, 9)}", "  q: x"]
            lines += choice.choice((block, [f"k{number}: &m{number} {{p: 1, w: 2}}"]))
    return "\n".join(lines) + "\n"


def changed(choice, before):
    after = copy.deepcopy(before)
    for _ in range(choice.randint(1, 2)):
        name = choice.choice(list(after))
        value = after[name]
        if isinstance(value, dict) and value and choice.random() < 0.8:
            value.pop(choice.choice(list(value)), None)
            value[choice.choice((*value, "new"))] = choice.choice((5, "t", {"a": 1}))
        elif len(after) > 1 and choice.random() < 0.5:
            after.pop(name)
        else:
            after[name] = choice.choice((7, "u", [1], {"n": 1}, value))
    return after


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_what_is_repeated_says_what_is_wanted(choice):
    text = written(choice)
    try:
        before = read_value(text)
    except WorldError:
        return
    after = changed(choice, before)
    assert same(read_value(edit_document(text, before, after)), after)
