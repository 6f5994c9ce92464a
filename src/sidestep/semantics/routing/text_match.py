"""One condition on one text, as routes write it: exact, prefix, regular expression, or mere presence.

Source: pilot/pkg/networking/core/route/route.go (translateHeaderMatch, canBeConvertedToPresentMatch): a matcher that
names no form, and the expression `*`, ask for presence.
"""

from enum import StrEnum

from msgspec import Struct

from sidestep.semantics.patterns import Pattern, compiled
from sidestep.semantics.trees import MalformedError, mapping, text

_FORMS = ("exact", "prefix", "regex")


class Form(StrEnum):
    """How a text is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    SEGMENTS = "segments"
    REGEX = "regex"
    PRESENT = "present"


class TextMatch(Struct, frozen=True):
    """A condition on a text.

    Attributes:
        form: how it compares.
        text: with what, as written.
        pattern: compiled, for regular expressions; None for one that RE2 refuses.
        fold: whether case is ignored (paths only, and never by regular expressions).
    """

    form: Form
    text: str = ""
    pattern: Pattern | None = None
    fold: bool = False

    def matches(self, value: str) -> bool | None:
        """Whether a text meets it; None for a regular expression that RE2 refuses."""
        wanted = self.text
        if self.fold and self.form is not Form.REGEX:
            value, wanted = value.lower(), wanted.lower()
        match self.form:
            case Form.EXACT:
                return value == wanted
            case Form.PREFIX:
                return value.startswith(wanted)
            case Form.SEGMENTS:
                return value.startswith(wanted) and value[len(wanted) : len(wanted) + 1] in ("", "/")
            case Form.REGEX:
                return None if self.pattern is None else self.pattern.fullmatch(value) is not None
            case Form.PRESENT:
                return True

    @property
    def refused(self) -> bool:
        """Whether it is a regular expression that RE2 refuses."""
        return self.form is Form.REGEX and self.pattern is None


def form_of(value: object, field: str) -> tuple[str, str]:
    """The form that a StringMatch names and its text; two empty texts where it names none.

    Raises:
        MalformedError: it has a wrong type, or names several forms.
    """
    tree = mapping(value, field)
    named = [form for form in _FORMS if tree.get(form) is not None]
    if len(named) > 1:
        raise MalformedError(f"{field}: {' and '.join(named)} exclude each other")
    return (named[0], text(tree[named[0]], f"{field}.{named[0]}")) if named else ("", "")


def text_match(value: object, field: str) -> TextMatch:
    """A StringMatch on anything but the path.

    Raises:
        MalformedError: it has a wrong type.
    """
    form, written = form_of(value, field)
    if not form or (form == "regex" and written == "*"):
        return TextMatch(Form.PRESENT)
    return expression(written) if form == "regex" else TextMatch(Form(form), written)


def exact(written: str) -> TextMatch:
    """The text itself."""
    return TextMatch(Form.EXACT, written)


def expression(written: str) -> TextMatch:
    """A regular expression that matches the whole text."""
    return TextMatch(Form.REGEX, written, compiled(written))
