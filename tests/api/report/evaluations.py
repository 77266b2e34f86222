"""Evaluations as `keyart evaluate --json` prints them, made up: one that compares, one that refuses."""

from collections.abc import Mapping
from typing import Any


def interval(method: str, low: float | None, high: float | None) -> dict[str, Any]:
    return {"method": method, "low": low, "high": high, "level": 0.95}


def estimate(name: str, value: float, low: float, high: float, *others: dict[str, Any]) -> dict[str, Any]:
    own = interval("viewer_clustered", low, high)
    return {"estimator": name, "value": value, "interval": own, "intervals": [own, *others]}


def day(name: str, value: float, reach: float) -> dict[str, Any]:
    span = {"value": value, "low": value - reach, "high": value + reach}
    return {"day": name, "rows": 1000, "mean_reward": 0.077, **span, "cumulative": {"rows": 2000, **span}}


def segment(dimension: str, value: str, difference: float, reach: float, verdict: str) -> dict[str, Any]:
    span = {"value": difference, "low": difference - reach, "high": difference + reach}
    told = {"rows": 5000, "viewers": 700, "estimate": {"value": 0.08, "low": 0.07, "high": 0.09}, "difference": span}
    return {"dimension": dimension, "value": value, **told, "p_value": 0.001, "adjusted_p": 0.003, "verdict": verdict}


COMPARED: Mapping[str, Any] = {
    "rows": 48213,
    "viewers": 6012,
    "estimates": [
        estimate("ips", 0.0871, 0.0799, 0.0943),
        estimate("snips", 0.0858, 0.0801, 0.0915, interval("normal", 0.0822, 0.0894)),
        {**estimate("clipped_ips", 0.0822, 0.0771, 0.0873), "chosen": {"clip": 2.0, "rule": "slope"}},
    ],
    "differences": [
        estimate("ips", 0.0102, 0.0031, 0.0173),
        estimate("snips", 0.0091, 0.0042, 0.0140),
    ],
    "diagnostics": {
        "mean_weight": 1.003,
        "largest_weight": 14.2,
        "smallest_propensity": 0.0123,
        "effective_sample_size": 11230.5,
        "rewarded_effective_sample_size": 903.1,
        "take_fraction": 0.31,
        "design_effect": 1.8,
        "support": {"unsupported_mass": 0.0, "below_floor_mass": 0.034, "floor": 0.001},
        "calibration": {
            "artworks": 48,
            "mean": 1.001,
            "worst": [
                {"artwork": "night-train/1", "rows": 903, "mean": 1.21, "standard_error": 0.04},
                {"artwork": "orbit/2", "rows": 1203, "mean": 0.95, "standard_error": 0.03},
            ],
            "by_propensity": [
                {"range": "0.125 to 0.25", "rows": 900, "stated": 0.18, "drawn": 0.17},
                {"range": "0.25 to 0.5", "rows": 500, "stated": 0.3, "drawn": 0.32},
            ],
            "test": {
                "statistic": 2.2,
                "p_value": 0.38,
                "cells": 49,
                "worst_cell": {"kind": "artwork", "name": "orbit/2"},
            },
        },
        "baselines": {
            "logging": estimate("logging_mean", 0.0767, 0.0741, 0.0793),
            "uniform": estimate("ips", 0.0612, 0.0570, 0.0654),
        },
        "at_floor": {"floor": 0.001, "share_of_rows": 0.02, "share_of_weight": 0.11, "rows_at_smallest": 3},
        "largest_weights": [{"row": 17, "weight": 14.2, "propensity": 0.0123, "target": 0.175, "reward": 1.0}],
        "weight_histogram": {"edges": [0.0, 0.5, 1.0, 2.0, 4.0, 8.0], "counts": [0, 100, 300, 50, 0]},
        "drift": {
            "days": 20.2,
            "total_variation": 0.08,
            "worst": [{"artwork": "orbit/2", "first": 0.2, "last": 0.31}],
        },
        "days": [day("2026-05-01", 0.08, 0.02), day("2026-05-02", 0.09, 0.015), day("2026-05-03", 0.085, 0.012)],
        "interval_rule": "Viewers repeat and rewards are not rare: clustered by viewer.",
        "assumptions": ["The logged probabilities are those that were drawn from."],
        "question": {
            "target": "squarecb-1a2b3c4d5e6f",
            "baseline": "uniform",
            "log": "this installation's log",
            "level": 0.95,
            "reward": "quality-play-1",
        },
        "warnings": [
            {"code": "mass_below_floor", "message": "3.4 % of it is hardly logged", "remedy": "log with a floor"}
        ],
    },
    "refusals": [],
    "segments": [
        segment("device", "tv", -0.02, 0.01, "worse"),
        segment("device", "phone", 0.001, 0.01, "unclear"),
        segment("row_kind", "trending", 0.03, 0.01, "better"),
    ],
    "page": {
        "pages": 4100,
        "slots_per_page": 11.8,
        "mean_reward": {"value": 0.9, "low": 0.88, "high": 0.92},
        "estimates": [estimate("pseudo_inverse", 1.01, 0.95, 1.07)],
        "differences": [estimate("pseudo_inverse", 0.11, 0.05, 0.17)],
        "positions": [
            {"position": 0, "rows": 900, "estimate": {"value": 0.21, "low": 0.19, "high": 0.23}, "difference": None}
        ],
        "effective_pages": 812.0,
        "warnings": [{"code": "few", "message": "few pages", "remedy": "log more"}],
    },
}

REFUSED: Mapping[str, Any] = {
    "rows": 1200,
    "viewers": None,
    "estimates": [],
    "diagnostics": {"mean_weight": 0.7, "warnings": []},
    "refusals": [
        {
            "code": "unsupported_target",
            "message": "the target gives 12 % of its probability to artworks that were logged with probability 0",
            "remedy": "stay inside the log, or log with a floor",
            "rows": [3, 18, 22],
        }
    ],
}
