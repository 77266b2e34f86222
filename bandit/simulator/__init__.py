"""Worlds: simulated viewers with a known truth, to rehearse against."""
