"""What a data plane costs: the same client and server in every mode, in one lab, in one run."""

import re

HTTP_PORT, BULK_PORT = 8080, 9090
"""On which servers answer requests, and send bytes without end."""
USUAL = 1024
"""Bytes of an answer."""
PIECE = 1 << 18
"""Bytes that are sent and taken at once."""
END = b"\r\n\r\n"
BODY = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
"""How many bytes come after a head."""
