"""Small copies of images, to show beside a map."""

import io
from itertools import accumulate

import pyarrow.parquet as pq

from modelmap.datasets import images

SIDE = 96  # pixels, the longer one
MOST = 2000  # images of a page: 3 ms of each photograph
MOST_BYTES = 3_000_000  # of them all


def thumbnail(content):
    """The bytes of a small WebP image; those of an image file are decoded as all are.

    Raises
    ------
    images.BadImage
        If they are none.
    """
    image = images.decode(content)
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=60)
    return file.getvalue()


def thumbnails(path, groups):
    """Small copies of the images of some groups.

    Parameters
    ----------
    path : of a Parquet file with the columns group and image
    groups : collection of str
        Those wanted most come first; beyond `MOST` and `MOST_BYTES` the others are left out.

    Returns
    -------
    dict of group to bytes, in the order of `groups`; none of groups without an image
    """
    wanted, found = dict.fromkeys(list(groups)[:MOST]), {}
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):  # a whole column may not fit the memory
            names = file.read_row_group(number, columns=["group"])["group"].to_pylist()
            if not any(name in wanted and name not in found for name in names):
                continue
            contents = file.read_row_group(number, columns=["image"])["image"]
            for name, content in zip(names, contents, strict=True):
                if name in wanted and name not in found and content.is_valid:
                    found[name] = thumbnail(content.as_py())
    made = {name: found[name] for name in wanted if name in found}
    room = accumulate(len(content) for content in made.values())
    return {name: made[name] for name, size in zip(made, room, strict=True) if size <= MOST_BYTES}
