"""Every rule, in the order of their codes. Adding a rule is adding a file, a line here, a test and a page."""

from sidestep.audit.rule import Rule
from sidestep.audit.rules import namespace_inject_label

RULES: tuple[Rule, ...] = (namespace_inject_label.RULE,)
