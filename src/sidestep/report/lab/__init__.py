"""What a lab tells, as tables."""
