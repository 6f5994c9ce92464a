"""Metrics by ztunnel's names, made of what proxies write of connections."""
