"""Names of pods, as Kubernetes' controllers make them."""

import pytest

from sidestep.sources.telemetry.pod_names import Form, Stem, stem_of


@pytest.mark.parametrize(
    ("pod", "name", "form"),
    [
        ("cart-7d9f6c5b8-b2c4d", "cart", Form.REPLICA_SET),
        ("cart-v2-5c6d7f8b97-x5z7w", "cart-v2", Form.REPLICA_SET),
        ("ztunnel-q4w6z", "ztunnel", Form.DIRECT),
        ("db-0", "db", Form.DIRECT),
        ("db-12", "db", Form.DIRECT),
        ("backup-29445678-b2c4d", "backup", Form.CRON_JOB),
        ("backup-28373773-b2c4d", "backup", Form.CRON_JOB),
        ("istio-cni-node-zx4c5", "istio-cni-node", Form.DIRECT),
    ],
)
def test_stems(pod, name, form):
    assert stem_of("shop", pod) == Stem("shop", name, form)


@pytest.mark.parametrize("pod", ["cart", "cart-a", "cart-abcde", "-b2c4d", "", "cart-b2c4d-"])
def test_names_of_no_form(pod):
    assert stem_of("shop", pod) is None
