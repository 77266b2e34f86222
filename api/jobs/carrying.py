"""The job that carries over what is known under older pseudonyms after the secret was rotated. Knows no raw id."""

from sqlalchemy import Connection, Engine

from api.security import Keys, first_letter_of
from api.storage.database import reading, transaction
from api.storage.exclusions import excluded_viewers
from api.storage.renaming import exclude_also, excluded_before, rename_viewers, viewers_named_before

VIEWERS_AT_ONCE = 50
"""So few that the decision log hardly waits for the write lock."""


def is_to_be_carried(connection: Connection, keys: Keys) -> bool:
    """Tell whether somebody is known, or left out, under an older pseudonym and not under the newest."""
    if not keys.generation:
        return False
    letter = first_letter_of(keys.generation)
    if viewers_named_before(connection, letter, limit=1):
        return True
    held = excluded_viewers(connection)
    return any(keys.renamed(each) not in held for each in excluded_before(connection, letter))


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
