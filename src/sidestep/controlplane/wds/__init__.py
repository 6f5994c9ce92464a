"""Istio's own wire: the records as istiod tells them to its ztunnel, and the calls by which that gets certificates.

Source: ztunnel.md §2 to §4. `tables` has the messages, the others fill them in; streams, versions and acknowledgements
are those of `controlplane.ads`.
"""
