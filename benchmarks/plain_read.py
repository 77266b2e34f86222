"""The floor of `startup.py`: read a catalogue with plain SQL, hold it, and print the MB that are resident then.

`python -m benchmarks.plain_read DATABASE`. Knows nothing of Keyart but its tables.
"""

import json
import resource
import sys
from typing import Any

import numpy as np
import pysqlite3


def read_plainly(database: str) -> float:
    """Read every row that a page needs and return the MB resident at the end."""
    connection = pysqlite3.connect(database)
    held: list[Any] = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("titles", "artworks")]
    described = connection.execute("SELECT image, labels, measures FROM artwork_descriptions")
    held.append({image: (json.loads(labels), json.loads(measures)) for image, labels, measures in described})
    count, length = connection.execute("SELECT count(*), max(length(vector)) FROM artwork_vectors").fetchone()
    matrix = np.empty((count, length // 4), dtype="<f4")
    for row, (_, vector) in enumerate(connection.execute("SELECT image, vector FROM artwork_vectors")):
        matrix[row] = np.frombuffer(vector, dtype="<f4")
    held.append(matrix)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(read_plainly(sys.argv[1]))
