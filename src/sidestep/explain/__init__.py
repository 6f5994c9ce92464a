"""One request, explained: the path that it takes and what each enforcement point says of it."""
