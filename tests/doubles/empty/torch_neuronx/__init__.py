"""A package of this name with nothing in it."""
