"""One file per finding; the list is `sidestep.audit.catalogue`."""
