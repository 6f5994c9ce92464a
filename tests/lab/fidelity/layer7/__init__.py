"""Requests: routes, tokens and policies of layer 7, at sidecars, waypoints and a gateway, among pods of every kind."""
