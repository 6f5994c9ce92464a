"""What tests of the command share."""

import pytest
from tests.support.cluster_migrations import Migration


@pytest.fixture
def migration(kubernetes, tmp_path):
    """A mesh of its own in a cluster that all share."""
    return Migration(kubernetes, tmp_path)
