"""A migration as it is foreseen, under way, and over."""
