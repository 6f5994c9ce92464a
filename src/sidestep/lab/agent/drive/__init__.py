"""Load that lasts: each pod sends its requests for as long as it lives; what became of them is told by second."""
