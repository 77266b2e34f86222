"""How far an interval must reach to hold at every look, for those who look every day. Knows no log and no estimator."""

import math

import numpy as np

from bandit.ope.batch import Floats
from bandit.ope.intervals.quantiles import student_from_normal


def anytime_reach(effective: Floats, *, risk: float, buckets: int, tuned_at: float) -> Floats:
    """How many standard errors an interval reaches that holds at every look at once with probability 1 − `risk`.

    Robbins' normal mixture, √((1 + ρ/t) ln((1 + t/ρ) / risk²)) with t the `effective` numbers of decisions (Robbins
    1970; Howard, Ramdas, McAuliffe & Sekhon 2021, section 3.2; as an asymptotic confidence sequence Waudby-Smith et al.
    2021). ρ makes it narrowest near t = `tuned_at`. Student's t on the buckets pays for a spread that is itself
    estimated.
    """
    spent = 2.0 * math.log(1.0 / risk)
    rho = tuned_at / (spent + math.log1p(spent))
    normal = np.sqrt((1.0 + rho / effective) * (np.log1p(effective / rho) + spent))
    return student_from_normal(normal, buckets - 1)
