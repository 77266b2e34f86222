"""The estimators, one a file: each names the terms of a row, and the value that their sums make."""
