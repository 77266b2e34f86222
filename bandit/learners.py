"""The learners there are, by their settings: which one learned a version is told by what it was told."""

from bandit.linear.settings import LinearSettings
from bandit.policies.vowpal import EngineSettings

LearnerSettings = LinearSettings | EngineSettings
"""Bayesian linear regression (`bandit.linear`), or Vowpal Wabbit (`bandit.policies.vowpal`)."""
