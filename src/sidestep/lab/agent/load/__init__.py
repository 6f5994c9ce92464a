"""Open-loop load: requests begin by the clock, whatever became of earlier ones."""
