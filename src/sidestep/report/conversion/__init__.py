"""A conversion in words, as data, and as a folder of files."""
