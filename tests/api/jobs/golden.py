"""Golden vector G1: twelve rows whose estimates are known to twelve digits."""

ROWS = 12
PROPENSITY = [0.5, 0.25, 0.25, 0.5, 0.3, 0.2, 0.8, 0.1, 0.6, 0.3, 0.1, 0.4]
REWARD = [1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0]
CHOSEN = [0, 1, 2, 0, 1, 2, 0, 0, 1, 2, 1, 0]
TARGET = [
    [0.2, 0.3, 0.5],
    [0.1, 0.8, 0.1],
    [0, 0, 1],
    [0.6, 0.2, 0.2],
    [0.3, 0.3, 0.4],
    [0.25, 0.5, 0.25],
    [1, 0, 0],
    [0.4, 0.4, 0.2],
    [0, 0.5, 0.5],
    [0.1, 0.1, 0.8],
    [0.2, 0.7, 0.1],
    [0.3, 0.3, 0.4],
]
TARGET_PROPENSITY = [stated[chosen] for stated, chosen in zip(TARGET, CHOSEN, strict=True)]

IPS = 0.845833333333333
IPS_LOW, IPS_HIGH = 0.123218611759906, 1.568448054906760
SNIPS = 7 / 19
MEAN_WEIGHT = 2.295833333333333
EFFECTIVE_ROWS = 7.205738939184967


def columns() -> dict[str, list[float]]:
    """The log as the columns of a table."""
    return {
        "propensity": PROPENSITY,
        "reward": [float(each) for each in REWARD],
        "target_propensity": [float(each) for each in TARGET_PROPENSITY],
    }
