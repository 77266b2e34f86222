"""Near duplicates: re-saved pictures are found, other pictures are not."""

import io

import numpy as np
import pytest
from PIL import Image

from artwork.catalog import ArtworkId
from artwork.intake import clean_image
from artwork.similarity import InvalidPerceptualHash, distance, near_duplicates


def scene(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((640, 360), Image.Resampling.BICUBIC)


def hash_of(image: Image.Image, *, kind: str = "PNG", quality: int = 90) -> str:
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return clean_image(out.getvalue()).perceptual_hash


def test_a_resaved_or_scaled_picture_is_a_near_duplicate_and_another_is_not() -> None:
    others = {
        ArtworkId("scaled"): hash_of(scene(1).resize((320, 180))),
        ArtworkId("resaved"): hash_of(scene(1), kind="JPEG", quality=40),
        ArtworkId("another"): hash_of(scene(2)),
    }
    assert set(near_duplicates(hash_of(scene(1)), others)) == {"scaled", "resaved"}


def test_the_nearest_comes_first_and_ties_go_by_id() -> None:
    zero = "0" * 64
    others = {ArtworkId("c"): "f" + zero[1:], ArtworkId("b"): zero, ArtworkId("a"): zero, ArtworkId("far"): "f" * 64}
    assert near_duplicates(zero, others) == ["a", "b", "c"]
    assert near_duplicates(zero, others, within_bits=3) == ["a", "b"]


def test_a_distance_counts_bits() -> None:
    assert distance("00ff", "0000") == 8


@pytest.mark.parametrize("other", ["00", "zzzz"])
def test_hashes_that_cannot_be_compared_are_refused(other: str) -> None:
    with pytest.raises(InvalidPerceptualHash):
        distance("0000", other)
