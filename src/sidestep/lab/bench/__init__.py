"""What a data plane costs: the same client and server in every mode, in one lab, in one run."""

HTTP_PORT, BULK_PORT = 8080, 9090
"""On which servers answer requests, and send bytes without end."""
