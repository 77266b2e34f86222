"""The report of an evaluation, drawn from what `keyart evaluate --json` prints. Knows no log and no table."""
