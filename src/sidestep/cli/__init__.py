"""Parse, call, render, exit code: the only place that prints and exits."""
