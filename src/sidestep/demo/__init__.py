"""Differences shown in the lab: the smallest mesh of each, a request that tells, and what packets say of both."""
