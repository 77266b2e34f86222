"""Tuning: settings searched in Worlds, where what they are worth is known."""
