"""Telling proxies what they must know: delta xDS over one stream each.

Source of the protocol: Envoy's "xDS REST and gRPC protocol", incremental variants; what Envoy does beyond it, in
envoy.md §3 and §4. `catalogue` holds what there is to tell, `subscription` what one proxy knows, `stream` the
conversation, `server` the door.
"""
