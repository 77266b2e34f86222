"""Reward models for the direct method and the doubly robust estimators, fitted across viewers. Knows no storage."""
