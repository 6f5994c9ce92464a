"""Prices from vendored tables, from the user's file, and from OpenCost."""

from sidestep.sources.prices.tables import load_prices

__all__ = ["load_prices"]
