"""A seeded generator of realistic clusters, as the JSON that `kubectl get -A -o json` would print.

Used by the demo, the benchmarks and the property tests. The same seed gives the same bytes.
"""
