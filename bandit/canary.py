"""Which viewers a canary decides for: a share of them, by a keyed hash of the pseudonym. Knows no deployments."""

from bandit.sampling import draw_uniform


def in_canary(viewer: str, *, share: float, salt: str) -> bool:
    """Whether a canary with this share and salt decides for a viewer (a pseudonym).

    The same answer always. A viewer stays in when the share grows; another salt picks other viewers, independently.
    """
    return draw_uniform(salt, viewer, "", 0) < share
