"""From objects of Kubernetes and Istio to records, object by object: what istiod does for ztunnel.

Source: ztunnel.md §3.9 (pilot/pkg/serviceregistry/ambient). `registry` knows which records an object touches; the
other modules are pure functions from objects to records.
"""
