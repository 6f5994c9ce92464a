"""Typed parts of objects: the fields that rules read, under the names the API gives them."""
