"""Who calls whom, as it was seen: in Prometheus, in an access log, in a graph file."""
