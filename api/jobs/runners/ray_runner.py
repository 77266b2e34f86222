"""The one door to Ray: runs jobs on the machines of a cluster, or in Ray's processes on this one. Knows no job.

Needs `keyart[ray]`, and the same Keyart on every machine; files that jobs name must be found there by the same name.
"""

import importlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar, final

from api.errors import BadInput, Unavailable

Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 2
"""Jobs a core that are handed out before the first result is taken, as in the pool of processes."""
_REPEATS = 2
"""How often a job is begun again when its machine is lost: jobs are pure, so nothing happens twice."""


@final
class RayRunner:
    """A `bandit.ope.runner.Runner` over a Ray cluster; made by `ray_runner`."""

    def __init__(self, ray: Any) -> None:
        """`ray` is the module, connected to a cluster."""
        self._ray = ray
        self._begin = ray.remote(max_retries=_REPEATS)(_done)
        self._ahead = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """See `bandit.ope.runner.Runner.run`. Arrays in results cannot be written to: machines share their memory.

        Raises:
            Unavailable: the machine of a job was lost again and again.
        """
        shared = self._ray.put(function)  # sent to a machine once, however many jobs it is given
        coming = iter(jobs)
        waiting: deque[Any] = deque(self._begin.remote(shared, job) for job in islice(coming, self._ahead))
        try:
            while waiting:
                yield self._result(waiting.popleft())
                waiting.extend(self._begin.remote(shared, job) for job in islice(coming, 1))
        finally:
            for job in waiting:
                self._ray.cancel(job)

    def _result(self, job: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(job)
        except errors.RayTaskError as error:
            cause = error.cause
        except errors.RayError as error:
            message = "A machine that did a part of the work was lost."
            raise Unavailable(message, "See that there is memory for all jobs, or give Ray fewer cores.") from error
        raise cause


@contextmanager
def ray_runner(address: str | None = None, *, cores: int | None = None) -> Generator[RayRunner]:
    """Yield what runs jobs on the cluster at `address`, or without one in as many `cores` of this machine as given.

    Where this process is connected already, that cluster is used and stays connected.

    Raises:
        BadInput: Ray is not installed.
        Unavailable: there is no cluster at that address.
    """
    ray = _loaded()
    connected = bool(ray.is_initialized())
    if not connected:
        _connect(ray, address, cores=cores)
    try:
        yield RayRunner(ray)
    finally:
        if not connected:
            ray.shutdown()


def _loaded() -> Any:
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise BadInput("Ray is not installed.", "Install it: pip install 'keyart[ray]'.") from error


def _connect(ray: Any, address: str | None, *, cores: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "WARNING", "configure_logging": False}
    where = {"address": address}
    if address is None:
        where = {"address": "local", "num_cpus": cores, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(**where, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        message = f"There is no Ray cluster at {address}." if address else "Ray could not be started on this machine."
        raise Unavailable(message, " ".join(str(error).split())[:200]) from error


def _done(function: Callable[[Any], Any], job: Any) -> Any:
    return function(job)
