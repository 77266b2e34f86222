"""Targets: what a policy that is no trained version would have stated for rows of any log. Knows no files."""
