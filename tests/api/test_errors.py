"""Every mistake of the edges can be told to a program and to a person."""

import pytest

from api import errors

MISTAKES = sorted(
    (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.KeyartError)),
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_has_a_status_a_title_and_a_docstring(mistake: type[errors.KeyartError]) -> None:
    assert 400 <= mistake.status < 600
    assert mistake.title[0].isupper()
    assert mistake.__doc__


def test_codes_are_distinct() -> None:
    codes = [mistake.code for mistake in MISTAKES]
    assert len(set(codes)) == len(codes)


def test_the_text_is_the_message_and_then_the_remedy() -> None:
    assert str(errors.BadInput("It is wrong.", "Correct it.")) == "It is wrong. Correct it."
    assert str(errors.BadInput("It is wrong.")) == "It is wrong."
