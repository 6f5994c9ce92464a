"""In which rollouts there is a while without anybody who serves."""

import pytest
from tests.support.mesh import app, mesh, workload

from sidestep.model.templates import workload_templates
from sidestep.semantics.rollouts import leaves_nobody


@pytest.mark.parametrize(
    ("kind", "pods", "more", "expected"),
    [
        ("Deployment", 1, {}, False),
        ("Deployment", 4, {"strategy": {"type": "Recreate"}}, True),
        ("Deployment", 0, {"strategy": {"type": "Recreate"}}, False),
        ("Deployment", 1, {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}, True),
        ("Deployment", 1, {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}, True),
        ("Deployment", 2, {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}, False),
        ("Deployment", 3, {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}, True),
        ("Deployment", 3, {"strategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}, False),
        ("Deployment", 1, {"strategy": "odd"}, False),
        ("StatefulSet", 1, {}, True),
        ("StatefulSet", 2, {}, False),
        ("DaemonSet", 1, {}, False),
    ],
)
def test_whether_somebody_serves_all_the_time(kind, pods, more, expected):
    controller, *_ = workload(app("cart"), kind=kind, pods=0)
    controller["spec"].update(more)
    (template,) = workload_templates(mesh(controller))
    assert leaves_nobody(template.controller, pods) is expected
