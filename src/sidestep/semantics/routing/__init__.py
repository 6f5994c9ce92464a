"""Where a request goes: routes, subsets and what they do to it on the way."""
