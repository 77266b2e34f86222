"""The tables of experiments. Knows no connection and no statement."""
