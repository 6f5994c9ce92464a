"""One request, explained: its path as a picture, the verdict, and what would change."""
