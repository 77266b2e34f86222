"""What estimators and methods are in a few words, beside their names. Knows no number."""

from api.report.found import Estimate

ESTIMATORS = {
    "snips": "self-normalised: the one to go by",
    "ips": "unbiased, wilder",
    "replay": "rows on which both agree",
    "clipped_ips": "large weights cut: biased, steadier",
    "dm": "the reward model alone",
    "dr": "model, corrected by the log",
    "sndr": "the same, self-normalised",
    "switch_dr": "model where weights are large",
    "dros": "model, with shrunk weights",
    "mips": "weights over alike artworks",
    "log_smoothing": "pessimistic",
    "ix": "pessimistic",
}
METHODS = {
    "normal": "by row",
    "viewer_clustered": "clustered by viewer",
    "cressie_read": "Cressie–Read, by row",
    "cressie_read_clustered": "Cressie–Read, by viewer",
    "widened": "widened by what was not seen, by row",
    "widened_clustered": "widened by what was not seen, by viewer",
    "anytime": "for any number of looks, by row",
    "anytime_clustered": "for any number of looks, by viewer",
    "bootstrap": "bootstrap",
    "refit_bootstrap": "bootstrap that fits the model anew",
}


def note_of(estimate: Estimate) -> str:
    """What an estimator is, and what a rule chose for it."""
    told = ESTIMATORS.get(estimate.estimator, "")
    rule = estimate.chosen.get("rule")
    picked = [f"{name} {each:.3g}" for name, each in estimate.chosen.items() if isinstance(each, int | float)]
    chosen = f"{', '.join(picked)}{f', by {rule}' if rule else ''}".replace("_", " ") if picked else ""
    return "; ".join(each for each in (told, chosen) if each)


def method_in_words(method: str) -> str:
    """How an interval was made."""
    return METHODS.get(method, method.replace("_", " "))
