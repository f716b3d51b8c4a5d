"""The same images and texts through every source: the same rows but for ids, and the same scores.

The images are of every kind that files hold: gray, palette, CMYK, rotated by EXIF, animated, 16
bits, transparent.
"""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tiny import load, noise

from modelmap.datasets import images, samples

SAME = ("target", "image", "width", "height", "prompt", "stratum", "n_bytes")
CAPTIONS = ["a red box", "Two bears.", "é 漢字 🙂", "a kitchen", "x", "STOP", "a dog.", "one more"]
TEXTS = [[caption, f"{caption} again", f"not {caption}"] for caption in CAPTIONS]
WAYS = (
    "folder",
    "coco",
    "parquet-bytes",
    "parquet-struct",
    "hub-parquet",
    "hub-files",
    "hub-parquet-streamed",
    "hub-files-streamed",
)


def _file(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _pictures():
    """File name -> content, in the order of the names."""
    exif, ramp = Image.Exif(), np.linspace(0, 65535, 24 * 16).astype(np.uint16)
    exif[0x0112] = 6
    clear = noise(20, 24, seed=6).convert("RGBA")
    clear.putalpha(noise(20, 24, seed=7).convert("L"))
    frames = [noise(24, 24, seed=i) for i in (3, 4)]
    return {
        "0-gray.png": _file(noise(16, 24).convert("L"), "PNG"),
        "1-palette.png": _file(noise(24, 16, seed=1).quantize(16), "PNG"),
        "2-cmyk.jpg": _file(noise(24, 32, seed=2).convert("CMYK"), "JPEG"),
        "3-animated.gif": _file(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "4-rotated.jpg": _file(noise(40, 20, seed=5), "JPEG", exif=exif),
        "5-deep.png": _file(Image.fromarray(ramp.reshape(16, 24)), "PNG"),
        "6-clear.png": _file(clear, "PNG"),
        "7-plain.webp": _file(noise(24, 24, seed=8), "WEBP"),
    }


PICTURES = _pictures()


@pytest.fixture
def sources(tmp_path, datasets_hub):
    """Blocks that read the same images and texts: way -> block."""
    images_folder, data = tmp_path / "images", tmp_path / "hub" / "data"
    for folder in (images_folder, data):
        folder.mkdir(parents=True)
    for name, content in PICTURES.items():
        (images_folder / name).write_bytes(content)
    lines = [{"file_name": n, "texts": t} for n, t in zip(PICTURES, TEXTS, strict=True)]
    (images_folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "captions.json").write_text(json.dumps(_annotations()))
    stored = [{"bytes": content, "path": name} for name, content in PICTURES.items()]
    pq.write_table(pa.table({"image": [*PICTURES.values()], "t": TEXTS}), tmp_path / "b.parquet")
    table = pa.table({"image": stored, "t": TEXTS})
    pq.write_table(table, tmp_path / "s.parquet")
    features = {"image": {"_type": "Image"}, "t": [{"dtype": "string", "_type": "Value"}]}
    known = {"huggingface": json.dumps({"info": {"features": features}})}
    for i in range(2):
        part = table.slice(4 * i, 4).replace_schema_metadata(known)
        pq.write_table(part, data / f"test-0000{i}-of-00002.parquet")
    for name in ("downloaded", "streamed"):
        datasets_hub.add(f"{name}/parquet", tmp_path / "hub", kind="datasets")
        datasets_hub.add(f"{name}/files", images_folder, kind="datasets")
    coco = {"annotations": str(tmp_path / "captions.json"), "images": str(images_folder)}
    columns, hub = {"image": "image", "target": "t"}, {"source": "hub", "image": "image"}
    blocks = (
        {"source": "folder", "path": str(images_folder)},
        {"source": "coco", "path": coco},
        {"source": "parquet", "path": str(tmp_path / "b.parquet")} | columns,
        {"source": "parquet", "path": str(tmp_path / "s.parquet")} | columns,
        hub | {"path": "downloaded/parquet", "target": "t"},
        hub | {"path": "downloaded/files", "target": "texts"},
        hub | {"path": "streamed/parquet", "target": "t", "among": 8},
        hub | {"path": "streamed/files", "target": "texts", "among": 8},
    )
    return dict(zip(WAYS, blocks, strict=True))


def _annotations():
    """The captions as MS-COCO has them: of an image apart, in the order of their ids."""
    captions = [
        {"id": 100 * k + i, "image_id": 7 - i, "caption": texts[k]}
        for k in range(3)
        for i, texts in enumerate(TEXTS)
    ]
    return {
        "images": [{"id": 7 - i, "file_name": name} for i, name in enumerate(PICTURES)],
        "annotations": captions[::-1],
    }


def same(rows):
    return [tuple(row[key] for key in SAME) for row in rows]


@pytest.mark.parametrize("keys", [{}, {"targets_per_image": 3}, {"n_samples": 5, "seed": 1}])
def test_every_source_gives_the_same_rows(read, sources, keys):
    rows = {way: read(**block, **keys) for way, block in sources.items()}
    for way in sources:
        assert same(rows[way]) == same(rows["folder"]), way
        assert len({row["sample_id"] for row in rows[way]}) == len(rows["folder"])
        grouped = {(row["group"], row["image"]) for row in rows[way]}
        assert len(grouped) == len({image for _, image in grouped})
    if not keys:
        assert [row["image"] for row in rows["folder"]] == [*PICTURES.values()]
        assert [row["target"] for row in rows["folder"]] == CAPTIONS


def test_every_source_gives_the_same_scores(read, sources, checkpoints):
    from modelmap.scoring import pipeline

    model = load(checkpoints / "llava")
    found = {}
    for way, block in sources.items():
        rows = read(**block, targets_per_image=3)
        shown = samples.variants(rows, ["given"], prompt="Describe the image.", everything=rows)
        scored = pipeline.score(model, shown, batch_tokens=400)
        assert {row["status"] for row in scored} == {"ok"}
        found[way] = [row["log_likelihood"] for row in scored]
    assert len(set(found["folder"])) == 24
    for way in sources:
        assert found[way] == found["folder"], way


def test_images_of_every_kind_are_seen_as_they_are(read, sources):
    """As a person sees them; that decoding keeps this, see test_images.py."""
    rows = read(**sources["parquet-struct"])
    seen = {name: images.decode(row["image"]) for name, row in zip(PICTURES, rows, strict=True)}
    assert {image.mode for image in seen.values()} == {"RGB"}
    assert [image.size for image in seen.values()] == [(r["width"], r["height"]) for r in rows]
    assert seen["4-rotated.jpg"].size == (20, 40)
    gray = np.asarray(seen["0-gray.png"])
    assert (gray == np.asarray(noise(16, 24).convert("L"))[:, :, None]).all()
    deep = np.asarray(seen["5-deep.png"])[:, :, 0].ravel()
    assert (deep[0], deep[-1]) == (0, 255)
    assert (np.diff(deep.astype(int)) >= 0).all()
