"""The rewrites, one file each; `sidestep.convert.catalogue` lists them."""
