"""From bytes to the JSON of single objects with their place: JSON and YAML, in bounded memory."""
