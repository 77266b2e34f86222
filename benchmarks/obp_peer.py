"""obp 0.4.1 on a log of one file, under an interpreter of its own: IPW and SNIPW with their intervals, as they come.

`obp.ope` as a whole draws plots and trains networks; only its estimators are loaded. They name PyTorch's tensor as a
type that they could be given, and are given none: a stand-in serves where PyTorch is not installed.
"""

import importlib.util
import json
import sys
import time
import types

import numpy as np


def main() -> None:
    """Print seconds and values as JSON."""
    estimators = _estimators()
    log = dict(np.load(sys.argv[1]))
    found: dict[str, float] = {}
    clock, spent = time.perf_counter(), time.process_time()
    for estimator in (
        estimators.InverseProbabilityWeighting(),
        estimators.SelfNormalizedInverseProbabilityWeighting(),
    ):
        found[estimator.estimator_name] = float(estimator.estimate_policy_value(**log))
        estimator.estimate_interval(**log, random_state=0)
    print(json.dumps({"cpu": time.process_time() - spent, "seconds": time.perf_counter() - clock, **found}))


def _estimators() -> types.ModuleType:
    if importlib.util.find_spec("torch") is None:
        stand_in = types.ModuleType("torch")
        stand_in.Tensor = type("Tensor", (), {})  # type: ignore[attr-defined]
        sys.modules["torch"] = stand_in
    found = importlib.util.find_spec("obp")
    if found is None or not found.submodule_search_locations:
        sys.exit("obp is not installed here.")
    package = types.ModuleType("obp.ope")
    package.__path__ = [f"{folder}/ope" for folder in found.submodule_search_locations]
    sys.modules["obp.ope"] = package
    return importlib.import_module("obp.ope.estimators")


if __name__ == "__main__":
    main()
