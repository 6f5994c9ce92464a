"""The built-in test workload: what a container of the lab runs where the user brings no command."""
