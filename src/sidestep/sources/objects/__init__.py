"""From the JSON of single objects to a `Mesh`, whatever door the JSON came through."""
