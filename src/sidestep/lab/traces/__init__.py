"""Spans of proxies and of built-in workloads: kept in files, and put together to traces."""
