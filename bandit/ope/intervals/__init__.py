"""Intervals around an estimate, each by its own reasoning, and the rule that picks one. Knows no estimator."""
