"""The catalogue of differences between sidecars and ambient, each with a number that does not change."""
