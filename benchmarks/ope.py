"""What it takes to value a policy from a long log: seconds of one core, memory, beside obp, and on Ray. Simulated.

`python -m benchmarks ope` writes a log of ten million decisions over ten artworks, a million viewers by pseudonym, to
Parquet (and to Arrow, to be mapped into memory), and reads it as `keyart evaluate --log` does: IPS and SNIPS, each with
its normal or clustered, Cressie–Read and anytime intervals, effective sample sizes and all other diagnostics. Then ten
times as much, whose memory must not grow. Every measurement has a process of its own.

The peer is obp 0.4.1: IPW and SNIPW with their intervals, as they come, on the first million of the same rows. obp
needs other libraries than we do, so it runs under an interpreter of its own:

    python3.11 -m venv obp && obp/bin/pip install --no-deps obp==0.4.1 && obp/bin/pip install \\
        "numpy<2" pandas scikit-learn tqdm pyyaml mypy-extensions && KEYART_BENCH_OBP=obp/bin/python make bench
"""

import json
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from api.errors import BadInput
from api.jobs.evaluating_tables import TableOrder, evaluate_table
from api.jobs.logs.table import LogTable
from api.jobs.runners.pool import process_pool
from api.jobs.runners.ray_runner import ray_runner
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.evaluation import Evaluation, Question
from bandit.ope.runner import Runner, Serial

ROWS, FILES, ARTWORKS, VIEWERS = 10_000_000, 10, 10, 1_000_000
OBP_ROWS = 1_000_000
GROUP = 1_000_000
CORES = 2
COLUMNS = ["propensity", "reward", "target_propensity", "viewer"]
QUESTION = Question(estimators=(IPS(), SNIPS()))

OBP = "KEYART_BENCH_OBP"


def run(rows: int = ROWS) -> list[dict[str, Any]]:
    """Return the rows of results.json; those of obp and Ray only where they are there, else why not is printed."""
    with tempfile.TemporaryDirectory(prefix="keyart-bench-") as name:
        folder = Path(name)
        make_log(folder, rows)
        small, whole = apart(evaluated, folder / "small.parquet"), apart(evaluated, folder / "whole.parquet")
        mapped, floor = apart(evaluated, folder / "whole.arrow"), apart(read_once, folder / "whole.parquet")
        found = [
            _row("ope_1e7_seconds", whole["cpu"], floor["cpu"], unit="processor s (peer: reading alone)", n=rows),
            _row("ope_1e7_seconds:mapped", mapped["cpu"], whole["cpu"], unit="processor s (peer: Parquet)", n=rows),
            _row("ope_1e7_mb", whole["mb"], small["mb"], unit="MB (peer: a tenth of the log)", n=rows),
            *_beside_obp(folder, whole, rows=rows),
            *_on_ray(folder, rows=rows),
        ]
        lengthen(folder)
        long = apart(evaluated, folder / "long")
        unit = "MB (peer: a tenth of the log)"
        return [*found, _row("ope_1e8_mb", long["mb"], whole["mb"], unit=unit, n=rows * FILES)]


def make_log(folder: Path, rows: int) -> None:
    """Write `whole` and `small` (its first tenth), and what obp wants of the first rows besides."""
    rng = np.random.default_rng(0)
    pseudonyms = pa.array([f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(VIEWERS)])
    schema = pa.schema(
        [("viewer", pa.string())] + [(name, pa.float64()) for name in ("propensity", "target_propensity", "reward")]
    )
    with (
        pq.ParquetWriter(folder / "small.parquet", schema) as small,
        pq.ParquetWriter(folder / "whole.parquet", schema) as whole,
        pa.ipc.new_file(folder / "whole.arrow", schema) as mapped,
    ):
        for first in range(0, rows, GROUP):
            columns = _columns(rng, min(GROUP, rows - first), kept=folder / "obp.npz" if first == 0 else None)
            viewers = pseudonyms.take(pa.array(rng.integers(VIEWERS, size=len(columns[0]))))
            table = pa.table([viewers, *columns], schema=schema)
            whole.write_table(table)
            mapped.write_table(table, max_chunksize=GROUP)
            if first < rows // 10:
                small.write_table(table)


def _columns(rng: np.random.Generator, count: int, *, kept: Path | None) -> list[np.ndarray]:
    logged = 0.9 * rng.dirichlet(np.ones(ARTWORKS), size=count) + 0.1 / ARTWORKS
    target = rng.dirichlet(np.full(ARTWORKS, 2.0), size=count)
    every = np.arange(count)
    shown = np.minimum((rng.random((count, 1)) > logged.cumsum(axis=1)).sum(axis=1), ARTWORKS - 1)
    reward = (rng.random(count) < 0.02 + 0.01 * shown).astype(np.float64)
    if kept is not None:
        np.savez(kept, action=shown, pscore=logged[every, shown], reward=reward, action_dist=target[:, :, np.newaxis])
    return [logged[every, shown], target[every, shown], reward]


def lengthen(folder: Path) -> None:
    """Write `long`: files like `whole`, each of other viewers."""
    (folder / "long").mkdir()
    with pq.ParquetFile(folder / "whole.parquet") as whole:
        for file in range(FILES):
            with pq.ParquetWriter(folder / "long" / f"{file:02}.parquet", whole.schema_arrow) as written:
                for group in range(whole.num_row_groups):
                    table = whole.read_row_group(group)
                    viewers = pa.compute.binary_join_element_wise(table["viewer"], str(file), "")
                    written.write_table(table.set_column(0, "viewer", viewers))


def evaluated(log: Path) -> dict[str, float]:
    """Evaluate a log in this process; by the clock and by the processor, from the first file opened to the result."""
    clock, spent = time.perf_counter(), time.process_time()
    found = evaluation(log, Serial())
    return {"cpu": time.process_time() - spent, "seconds": time.perf_counter() - clock, **values(found)}


def evaluation(log: Path, runner: Runner) -> Evaluation:
    """What `keyart evaluate --log` makes of a log with a column of the target's probabilities."""
    table = LogTable(path=log)
    return evaluate_table(TableOrder(table=table, question=QUESTION, every=False), runner)


def values(found: Evaluation) -> dict[str, float]:
    """The estimates by name; an evaluation that refuses measures nothing."""
    if found.refused:
        raise SystemExit(f"The log was refused: {found.refusals[0].message}.")
    return {estimate.estimator: estimate.value for estimate in found.estimates}


def read_once(log: Path) -> dict[str, float]:
    """Read the same columns and keep nothing."""
    clock, spent = time.perf_counter(), time.process_time()
    with pq.ParquetFile(log, memory_map=True) as file:
        for _ in file.iter_batches(65_536, columns=COLUMNS, use_threads=False):
            pass
    return {"cpu": time.process_time() - spent, "seconds": time.perf_counter() - clock}


def _beside_obp(folder: Path, ours: dict[str, float], *, rows: int) -> Iterator[dict[str, Any]]:
    python = os.environ.get(OBP)
    if not python:
        print(f"ope_obp_ratio is left out: {OBP} names no interpreter that has obp 0.4.1 (see benchmarks/ope.py).")
        return
    script = Path(__file__).with_name("obp_peer.py")
    done = subprocess.run([python, str(script), str(folder / "obp.npz")], capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    same = apart(evaluated, folder / "small.parquet")
    print(json.dumps({"obp": theirs, "ours on the same rows": same}))
    for name, own in (("ips", "ipw"), ("snips", "snipw")):
        if rows // 10 == OBP_ROWS and abs(same[name] / theirs[own] - 1.0) > 1e-9:
            raise SystemExit(f"obp says {theirs[own]}, we say {same[name]} for {name}.")
    unit = f"decisions a processor second (peer: obp 0.4.1 on {OBP_ROWS:,})"
    yield _row("ope_obp_ratio", rows / ours["cpu"], OBP_ROWS / theirs["cpu"], unit=unit, n=rows)


def _on_ray(folder: Path, *, rows: int) -> Iterator[dict[str, Any]]:
    try:
        theirs = apart(_timed_ray, folder / "whole.parquet")
    except BadInput:
        print("ope_ray_ratio is left out: Ray is not installed (pip install 'keyart[ray]').")
        return
    ours = apart(_timed_pool, folder / "whole.parquet")
    print(json.dumps({"ray": theirs, "pool": ours}))
    unit = f"s by the clock, {CORES} cores (peer: our pool)"
    yield _row("ope_ray_ratio", theirs["seconds"], ours["seconds"], unit=unit, n=rows)


def _timed_ray(log: Path) -> dict[str, float]:
    started = time.perf_counter()
    with ray_runner(cores=CORES) as runner:
        return _timed(log, runner, started)


def _timed_pool(log: Path) -> dict[str, float]:
    started = time.perf_counter()
    with process_pool(CORES) as runner:
        return _timed(log, runner, started)


def _timed(log: Path, runner: Runner, started: float) -> dict[str, float]:
    """Once to start the workers, on a tenth, then in earnest."""
    evaluation(log.with_name("small.parquet"), runner)
    ready = time.perf_counter()
    found = evaluation(log, runner)
    return {"start": ready - started, "seconds": time.perf_counter() - ready, **values(found)}


def apart(work: Callable[[Path], dict[str, float]], log: Path) -> dict[str, float]:
    """Do it in a process of one thread, and add the most memory that this process held."""
    os.environ |= {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    spawn = multiprocessing.get_context("spawn")
    told, telling = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_tell, args=(telling, work, log))
    process.start()
    telling.close()
    try:
        found: dict[str, float] | Exception = told.recv()
    finally:
        process.join()
    if isinstance(found, Exception):
        raise found
    print(getattr(work, "__name__", ""), log.name, json.dumps(found))
    return found


def _tell(telling: "Connection[Any, Any]", work: Callable[[Path], dict[str, float]], log: Path) -> None:
    try:
        found = work(log)
    except Exception as error:  # raised again where it is awaited
        telling.send(error)
        return
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    telling.send({**found, "mb": int(kilobytes) / 1024})


def _row(name: str, ours: float, peer: float, *, unit: str, n: int) -> dict[str, Any]:
    value, other, ratio = (float(f"{number:.3g}") for number in (ours, peer, ours / peer))
    return {"name": name, "value": value, "unit": unit, "peer": other, "ratio": ratio, "n": n}


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
