"""What `semantics.decide` says, held against packets: random small meshes in a real lab."""
