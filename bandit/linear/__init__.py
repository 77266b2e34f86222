"""The linear learner: rewards as a Bayesian linear regression on contexts crossed with artworks."""
