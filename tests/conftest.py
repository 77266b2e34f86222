"""The processes and installations that the tests of the edges, the contracts and the stories run on."""

import gc

from hypothesis import HealthCheck, settings

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
from tests.postgresql import mortal_postgresql, postgresql_server
from tests.processes import apart, no_needless_processes

__all__ = [
    "apart",
    "harbor",
    "home",
    "installation",
    "learned",
    "learned_home",
    "mortal_postgresql",
    "no_needless_processes",
    "no_settings_of_this_machine",
    "postgresql_server",
    "prepared_home",
    "ready",
    "shared",
]

# The same examples in every run, however slow the machine is: what they find is found by whoever made the mistake.
settings.register_profile("keyart", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("keyart")


def pytest_collection_finish() -> None:
    """A million objects of modules and tests stay to the end: walking over them again and again costs a fifth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, *gc.get_threshold()[1:])
