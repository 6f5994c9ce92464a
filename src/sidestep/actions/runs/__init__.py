"""Carrying a plan out: what was done stands in a journal, and what comes next follows from it alone."""
