"""What becomes of each workload, and what forces it."""
