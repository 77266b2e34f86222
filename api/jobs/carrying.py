"""The job that carries over what is known under older pseudonyms after the secret was rotated. Knows no raw id."""

from sqlalchemy import Engine

from api.security import Keys, first_letter_of
from api.storage.database import reading, transaction
from api.storage.renaming import exclude_also, excluded_before, rename_viewers, viewers_named_before

VIEWERS_AT_ONCE = 50
"""So few that the decision log hardly waits for the write lock."""


def carry_over(engine: Engine, keys: Keys) -> int:
    """Give some viewers of older generations their newest pseudonym, and return how many; 0 when none is left.

    Harmless to repeat: what a server that was not restarted yet takes in under an older pseudonym is carried over too.

    Raises:
        StorageUnavailable: these viewers are as they were.
    """
    if not keys.generation:
        return 0
    letter = first_letter_of(keys.generation)
    with reading(engine) as connection:
        older = viewers_named_before(connection, letter, limit=VIEWERS_AT_ONCE)
        excluded = excluded_before(connection, letter)
    if not older and not excluded:
        return 0
    with transaction(engine) as connection:
        still = [each for each in viewers_named_before(connection, letter, limit=VIEWERS_AT_ONCE) if each in older]
        rename_viewers(connection, {each: keys.renamed(each) for each in still})
        exclude_also(connection, {each: keys.renamed(each) for each in excluded})
    return len(still)
