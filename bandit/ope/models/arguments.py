"""Arguments for Vowpal Wabbit that an analyst writes: which are taken, and which never. Knows no engine.

What is not known here is refused: many options read and write files, open sockets, or end the process.
"""

import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping

from bandit.errors import BanditError

MOST_BITS = 22
"""2^22 weights take 64 MB; every fold has as many."""
_MOST_MODELS = 100

Check = Callable[[str], bool]


class InvalidArguments(BanditError):
    """Arguments that the engine must not be given, or does not take."""


def _number(low: float, high: float = math.inf) -> Check:
    def fits(text: str) -> bool:
        try:
            number = float(text)
        except ValueError:
            return False
        return math.isfinite(number) and low <= number <= high

    return fits


def _count(low: int, high: int) -> Check:
    return lambda text: bool(re.fullmatch(r"\d{1,10}", text)) and low <= int(text) <= high


def _matching(pattern: str) -> Check:
    return lambda text: bool(re.fullmatch(pattern, text))


_FLAGS = frozenset(
    {
        *("--cb_explore_adf", "--squarecb", "--regcb", "--regcbopt", "--softmax", "--greedify", "--first_only"),
        *("--adaptive", "--invariant", "--normalized", "--sgd", "--ftrl", "--coin", "--noconstant", "--nounif"),
    }
)
_VALUES: Mapping[str, Check] = {
    "--cb_type": _matching("dm|dr|ips|mtr|sm"),
    "--epsilon": _number(0.0, 1.0),
    "--bag": _count(1, _MOST_MODELS),
    "--cover": _count(1, _MOST_MODELS),
    "--rnd": _count(1, _MOST_MODELS),
    "--first": _count(0, 10**9),
    "--lambda": _number(-1e6, 1e6),
    "--mellowness": _number(0.0),
    "--psi": _number(0.0),
    "--gamma_scale": _number(0.0),
    "--gamma_exponent": _number(0.0, 10.0),
    "--rnd_alpha": _number(0.0),
    "--rnd_invlambda": _number(0.0),
    "--learning_rate": _number(1e-9, 1e6),
    "--power_t": _number(0.0, 1.0),
    "--initial_t": _number(0.0),
    "--l1": _number(0.0),
    "--l2": _number(0.0),
    "--random_seed": _count(0, 2**31 - 1),
    "--bit_precision": _count(1, MOST_BITS),
    "--quadratic": _matching("[UA:]{2}"),
    "--cubic": _matching("[UA:]{3}"),
    "--interactions": _matching("[UA:]{2,4}"),
    "--ignore_linear": _matching("[UA]"),
}
_SHORT = {"-q": "--quadratic", "-l": "--learning_rate", "-b": "--bit_precision"}
_SPOKEN_FOR = frozenset(
    {
        *("-d", "--data", "-f", "--final_regressor", "-i", "--initial_regressor", "-p", "--predictions"),
        *("-r", "--raw_predictions", "-c", "--cache", "--cache_file", "-k", "--kill_cache", "--passes", "-t"),
        *("--testonly", "--daemon", "--foreground", "--port", "--num_children", "--pid_file", "--span_server"),
        *("--readable_model", "--invert_hash", "--save_resume", "--save_per_pass", "--dictionary"),
        *("--dictionary_path", "--feature_mask", "--input_feature_regularizer", "--extra_metrics", "--audit"),
        *("--output_feature_regularizer_binary", "--output_feature_regularizer_text", "--json", "--dsjson"),
        *("--dump_json_weights_experimental", "--cb_adf", "--cb_explore", "--cb", "--driver_output", "--log_output"),
    }
)


def checked_arguments(text: str) -> tuple[str, ...]:
    """Read arguments as the engine is given them, every option by its long name.

    Raises:
        InvalidArguments: one is not taken, has a value that is none, or `--cb_explore_adf` is not among them.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidArguments(f"these arguments cannot be read ({error}): close every quotation mark") from error
    arguments = tuple(_options(words))
    if "--cb_explore_adf" not in arguments:
        raise InvalidArguments(
            "a target must state probabilities over the eligible artworks: begin with --cb_explore_adf"
        )
    return arguments


def _options(words: list[str]) -> Iterator[str]:
    left = iter(words)
    for word in left:
        name, separator, told = word.partition("=")
        option = _SHORT.get(name, name)
        if option in _FLAGS and not separator:
            yield option
        elif option in _VALUES:
            value = told if separator else next(left, "")
            if not _VALUES[option](value):
                raise InvalidArguments(f"{name} does not take {value!r}: see docs/reward-models.md for what it takes")
            yield from (option, value)
        else:
            raise InvalidArguments(_why_not(name))


def _why_not(name: str) -> str:
    if name in _SPOKEN_FOR:
        return f"{name} is not an analyst's to say: files, sockets, passes and the kind of problem are fixed; drop it"
    known = ", ".join(sorted({*_FLAGS, *_VALUES}))
    return f"{name} is not taken; what is: {known}"
