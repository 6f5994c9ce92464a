"""A mesh that steps change as a cluster would change under them."""
