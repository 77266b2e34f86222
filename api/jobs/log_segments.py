"""What the segments of this installation's log need beyond the log: labels, ages of pictures, clusters of viewers."""

import numpy as np
from sqlalchemy import Engine, select

from api.storage.database import reading
from api.storage.descriptions import all_pictures
from api.storage.foundation import live_foundation_version, some_viewer_vectors
from api.storage.tables import images
from api.storage.vectors import live_embedding_version
from bandit.decision import IMAGE_KEY_DIGITS
from bandit.ope.clusters import middles
from bandit.ope.describing import Describing

CLUSTERS = 4
_SAMPLE = 5_000


def describing_of(engine: Engine) -> Describing:
    """Read what is known now: of the live embedding version's pictures and the live foundation version's viewers."""
    with reading(engine) as connection:
        embedding, foundation = live_embedding_version(connection), live_foundation_version(connection)
        pictures = {} if embedding is None else all_pictures(connection, embedding.version)
        born = {row.sha256[:IMAGE_KEY_DIGITS]: row.created_at for row in connection.execute(select(images))}
        viewers = {} if foundation is None else some_viewer_vectors(connection, foundation.version, limit=_SAMPLE)
    vectors = np.stack([*viewers.values()]).astype(np.float64) if viewers else np.zeros((0, 1))
    return Describing(
        images={image[:IMAGE_KEY_DIGITS]: picture for image, picture in pictures.items()},
        born=born,
        centres=middles(vectors, CLUSTERS, seed=0) if vectors.any() else None,
        foundation_version=foundation.version if foundation else None,
    )
