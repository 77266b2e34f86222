"""Policies: each states probabilities over a title's artworks, none draws."""
