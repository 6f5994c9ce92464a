"""For each difference of the catalogue meshes before and after, one request, and what both decide."""

from tests.semantics.differences.cases.authorization import AUTHORIZATION
from tests.semantics.differences.cases.case import Case
from tests.semantics.differences.cases.identity import IDENTITY
from tests.semantics.differences.cases.routes import ROUTES
from tests.semantics.differences.cases.traffic import TRAFFIC

CASES: tuple[Case, ...] = tuple(sorted((*AUTHORIZATION, *IDENTITY, *ROUTES, *TRAFFIC), key=lambda case: case.code))
