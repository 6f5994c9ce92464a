"""What ports of the workload speak, one file for each protocol."""
