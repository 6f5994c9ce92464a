"""All differences, by number."""

from sidestep.semantics.differences.authorization import AUTHORIZATION
from sidestep.semantics.differences.difference import Difference
from sidestep.semantics.differences.identity import IDENTITY
from sidestep.semantics.differences.traffic import TRAFFIC

DIFFERENCES: tuple[Difference, ...] = (*AUTHORIZATION, *IDENTITY, *TRAFFIC)
BY_CODE: dict[str, Difference] = {each.code: each for each in DIFFERENCES}
