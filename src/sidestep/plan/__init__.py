"""How a mesh comes off its sidecars: who calls whom, in which order, behind which gates."""
