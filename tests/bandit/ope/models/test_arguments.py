"""An analyst's arguments for the engine: what is not known is not taken."""

import pytest

from bandit.ope.models.arguments import InvalidArguments, checked_arguments


def test_options_are_read_by_their_long_names() -> None:
    told = checked_arguments("--cb_explore_adf -q UA --epsilon=0.05 -l 0.1 --cb_type mtr --interactions UAA -b 20")

    assert told == (
        *("--cb_explore_adf", "--quadratic", "UA", "--epsilon", "0.05", "--learning_rate", "0.1"),
        *("--cb_type", "mtr", "--interactions", "UAA", "--bit_precision", "20"),
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "--cb_explore_adf -f /etc/model",
        "--cb_explore_adf --final_regressor=x",
        "--cb_explore_adf -d /etc/passwd",
        "--cb_explore_adf --daemon --port 4711",
        "--cb_explore_adf -i old.model",
        "--cb_explore_adf -p out.txt",
        "--cb_explore_adf --cache_file c --passes 3",
        "--cb_explore_adf --readable_model m.txt",
        "--cb_explore_adf --invert_hash m.txt",
        "--cb_explore_adf --dictionary d.txt",
        "--cb_explore_adf --extra_metrics m.json",
        "--cb_explore_adf --no_such_option",
        "--cb_explore_adf --squarecb=-f",
        "--cb_explore_adf model.vw",
        "--cb_explore_adf --squarecb --elim",
        "--cb_explore_adf --large_action_space",
        "--cb_explore_adf --epsilon nan",
        "--cb_explore_adf --epsilon 1.5",
        "--cb_explore_adf --epsilon",
        "--cb_explore_adf --learning_rate -1",
        "--cb_explore_adf --learning_rate inf",
        "--cb_explore_adf -b 40",
        "--cb_explore_adf --bag 1000000",
        "--cb_explore_adf -q U|",
        "--cb_explore_adf --cb_type '--daemon'",
        "--cb_explore_adf 'unfinished",
        "--squarecb",
        "",
    ],
)
def test_what_is_not_an_analysts_to_say_is_refused(arguments: str) -> None:
    with pytest.raises(InvalidArguments):
        checked_arguments(arguments)


def test_a_refusal_tells_what_is_fixed_and_what_is_taken() -> None:
    with pytest.raises(InvalidArguments, match="files, sockets"):
        checked_arguments("--cb_explore_adf --daemon")
    with pytest.raises(InvalidArguments, match="--squarecb"):
        checked_arguments("--cb_explore_adf --unheard_of")
