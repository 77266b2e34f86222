"""Off-policy evaluation: small, streaming, mergeable estimators over a decision log."""
