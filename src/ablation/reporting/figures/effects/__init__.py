"""Figures of how much factors matter, and of how they matter together."""
