"""Pages for people: a plain gallery."""
