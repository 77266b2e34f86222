"""The key of the first admin: made where there has never been a key, printed once, kept nowhere."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from api.cli.options import actor
from api.dependencies.logs import tell
from api.errors import StorageUnavailable
from api.settings import Settings
from api.storage.database import transaction
from api.storage.keys import create_first_key


def tell_first_key(engine: Engine, settings: Settings) -> None:
    """Make and print it, unless the settings preset one or the database knows keys."""
    if settings.admin_key is not None:
        return
    try:
        with transaction(engine) as connection:
            made = create_first_key(connection, now=datetime.now(UTC), actor=actor())
    except StorageUnavailable as error:
        tell(f"Keys cannot be read yet: {error} Without one, /v1 and the console stay locked.")
        return
    if made is not None:
        tell(f"The key of the first admin, shown this once: {made.text}")
        tell("Send it as `Authorization: Bearer KEY`; make keys for others with `keyart key create`.")
