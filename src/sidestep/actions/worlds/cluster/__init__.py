"""A real cluster as a world: written to by its API alone, looked at by what its own controllers say.

`world` is what plans are carried out in, `dry_run` the same world asked what it would make of writes, `server` the way
to the API server, `refusals` what its answers mean, `places` where objects are, `conditions` what istiod says of them.
"""
