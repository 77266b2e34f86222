"""Images embedded a second, against bare open_clip with the same model in the same run. Run by `make bench`.

Both decode, preprocess and encode the same JPEGs in batches of 16 on one thread. Rounds alternate, and processor time
is counted, so that neighbours on the machine touch both alike.
"""

import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from artwork.embedding import EmbedderConfig, load_embedder, new_lite_model
from artwork.lite.rendering.drawing import render
from artwork.lite.scene import random_scene
from artwork.lite.weights import place_trained_part, read_trained_part

IMAGES, BATCH, ROUNDS = 48, 16, 7


def run() -> list[dict[str, object]]:
    """Return the one measurement, `embed_image_ratio`: our images/s over the peer's, medians of one run."""
    images = _drawn_images()
    embedder = load_embedder(EmbedderConfig(threads=1))
    bare = _bare_open_clip()
    if not np.allclose(embedder.embed_images(images), bare(images), atol=1e-4):
        raise SystemExit("both must give the same vectors, or the comparison is of two things")
    ours, peers = [], []
    for _ in range(ROUNDS):
        ours.append(_images_a_second(embedder.embed_images, images))
        peers.append(_images_a_second(bare, images))
    ours_median, peer_median = statistics.median(ours), statistics.median(peers)
    return [
        {
            "name": "embed_image_ratio",
            "value": round(ours_median, 1),
            "unit": "images/s",
            "peer": round(peer_median, 1),
            "ratio": round(ours_median / peer_median, 2),
            "n": IMAGES * ROUNDS,
        }
    ]


def _bare_open_clip() -> Callable[[list[bytes]], np.ndarray]:
    """What a caller of open_clip writes: preprocess each image, stack, encode, normalise."""
    model = new_lite_model()
    place_trained_part(model, read_trained_part())
    model.eval()
    preprocess = image_transform_v2(PreprocessCfg(**open_clip.get_model_preprocess_cfg(model)), is_train=False)

    def embed(images: list[bytes]) -> np.ndarray:
        with torch.inference_mode():
            parts = [
                model.encode_image(
                    torch.stack([preprocess(Image.open(io.BytesIO(data))) for data in images[start : start + BATCH]]),
                    normalize=True,
                )
                for start in range(0, len(images), BATCH)
            ]
        return torch.cat(parts).numpy()

    return embed


def _images_a_second(embed: Callable[[list[bytes]], np.ndarray], images: list[bytes]) -> float:
    started = time.process_time()
    embed(images)
    return len(images) / (time.process_time() - started)


def _drawn_images() -> list[bytes]:
    rng = np.random.default_rng(0)
    images = []
    for _ in range(IMAGES):
        out = io.BytesIO()
        render(random_scene(rng), (640, 360)).save(out, "JPEG", quality=90)
        images.append(out.getvalue())
    return images
