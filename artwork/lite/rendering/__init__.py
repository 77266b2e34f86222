"""Drawings of artworks: from a scene's attributes to an image, in about a millisecond. Knows no model."""
