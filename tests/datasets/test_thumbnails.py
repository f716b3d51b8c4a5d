"""Small copies of images for pages."""

import io

import numpy as np
import pytest
from PIL import Image

from modelmap import tables
from modelmap.datasets import images, thumbnails


def picture(width, height, seed=0):
    rng = np.random.default_rng(seed)
    return images.encode(Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8)))


@pytest.fixture
def samples(tmp_path):
    """A file of 600 samples, three of a group: more than a row group; group g5 has no image."""
    rows = [
        {"sample_id": f"s{i}", "group": f"g{i // 3}", "target": "x", "n_bytes": 1}
        | {"image": None if i // 3 == 5 else picture(20, 10, i // 3)}
        for i in range(600)
    ]
    tables.write(tmp_path / "samples.parquet", tables.SAMPLES, rows)
    return tmp_path / "samples.parquet"


@pytest.mark.parametrize("size", [(640, 480), (30, 300), (96, 96), (40, 20)])
def test_a_copy_is_small_and_of_the_same_shape(size):
    copy = Image.open(io.BytesIO(thumbnails.thumbnail(picture(*size))))
    assert copy.format == "WEBP"
    assert max(copy.size) == min(max(size), thumbnails.SIDE)
    assert copy.width / copy.height == pytest.approx(size[0] / size[1], rel=0.1)


def test_what_is_no_image_is_refused_as_everywhere():
    with pytest.raises(images.BadImage):
        thumbnails.thumbnail(b"<svg onload=alert(1)>")


def test_copies_are_of_the_groups_asked_for(samples):
    found = thumbnails.thumbnails(samples, ["g199", "g5", "g0", "no such group"])
    assert [*found] == ["g199", "g0"]
    assert found["g0"] == thumbnails.thumbnail(picture(20, 10, 0))


def test_what_is_wanted_most_finds_room(samples, monkeypatch):
    names = [f"g{i}" for i in range(199, 100, -1)]
    sizes = [len(content) for content in thumbnails.thumbnails(samples, names).values()]
    monkeypatch.setattr(thumbnails, "MOST_BYTES", sum(sizes[:7]))
    assert [*thumbnails.thumbnails(samples, names)] == names[:7]
    monkeypatch.setattr(thumbnails, "MOST", 3)
    assert [*thumbnails.thumbnails(samples, names)] == names[:3]
