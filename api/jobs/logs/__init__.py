"""Logs of any make, read in parts into rows that an evaluation takes: one file a format."""
