"""Carrying out a plan: the worlds that its steps act on."""
