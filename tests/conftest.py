"""The processes and installations that the tests of the edges, the contracts and the stories run on."""

from tests.api.fixtures import (
    harbor,
    home,
    installation,
    learned,
    learned_home,
    no_settings_of_this_machine,
    prepared_home,
    ready,
    shared,
)
from tests.postgresql import postgresql_server
from tests.processes import apart, no_needless_processes

__all__ = [
    "apart",
    "harbor",
    "home",
    "installation",
    "learned",
    "learned_home",
    "no_needless_processes",
    "no_settings_of_this_machine",
    "postgresql_server",
    "prepared_home",
    "ready",
    "shared",
]
