"""Symptoms as people meet them, each with what may cause it: data, by family."""
