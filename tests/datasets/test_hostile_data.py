"""What a dataset of a stranger may try: to leave its folder, to fill memory, to keep a job busy."""

import io
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tiny import noise

from modelmap.datasets import coco, folder, images
from modelmap.datasets.problems import InvalidDataset, Problems

GB = 2**30
OUTSIDE = [
    "../secret.png",
    "../../etc/passwd",
    "a/../../secret.png",
    "./../secret.png",
    "..",
    "/etc/passwd",
    "//etc/passwd",
]
NO_FILE = ["a\0.png", "", ".", "x" * 300, "x/" * 3000, "C:\\Windows\\x.png", "..\\secret.png"]


def chunk(kind, content):
    whole = kind + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def png(width, height, *more):
    """A gray PNG that claims a size, of few bytes; `more` are chunks before its pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(2**20))
    end = chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + end


@pytest.fixture
def here(tmp_path):
    """A folder with one good image, beside an image that is none of its business."""
    (tmp_path / "photos").mkdir()
    noise(16, 16).save(tmp_path / "photos/a.png")
    noise(16, 16, seed=1).save(tmp_path / "secret.png")
    return tmp_path / "photos"


def metadata(here, *lines):
    (here / "metadata.jsonl").write_bytes(b"\n".join(lines))
    source = folder.Source({"path": here, "targets_per_image": 1})
    return source.rows({i: [0] for i in range(len(source))})


def sparse(path, n_bytes, begin=b""):
    """A file of so many bytes, nearly all of them holes."""
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(n_bytes)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_file_name_cannot_leave_its_folder(here, name):
    with pytest.raises(images.BadImage, match="^it lies outside the folder$"):
        images.read(here, name)
    line = json.dumps({"file_name": name, "text": "x"}).encode()
    with pytest.raises(InvalidDataset, match=r"line 1: .*: it lies outside the folder$"):
        metadata(here, line)


@pytest.mark.parametrize("name", NO_FILE)
def test_what_is_no_name_of_a_file_is_told(here, name):
    with pytest.raises(images.BadImage, match="^it "):
        images.read(here, name)
    said = {"images": [{"id": 1, "file_name": name}], "annotations": []}
    (here / "c.json").write_text(json.dumps(said))
    with pytest.raises(InvalidDataset):
        coco.Source(
            {"path": {"annotations": here / "c.json", "images": here}, "targets_per_image": 1}
        ).rows({0: [0]})


def test_a_pipe_or_a_device_is_not_waited_for(here):
    os.mkfifo(here / "pipe.png")
    (here / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zero.png"):
        with pytest.raises(images.BadImage, match="a pipe or a device, not a file"):
            images.read(here, name)
    os.mkfifo(here / "metadata.jsonl")
    with pytest.raises(InvalidDataset, match="a pipe or a device"):
        folder.Source({"path": here, "targets_per_image": 1})


def test_a_link_is_followed_for_names_alone_cannot_leave(here):
    """Folders of links are how subsets are made, and how the hub's cache keeps files."""
    (here / "link.png").symlink_to(here.parent / "secret.png")
    assert images.read(here, "link.png") == (here.parent / "secret.png").read_bytes()


def test_a_large_file_is_no_image(here):
    sparse(here / "large.png", images.MOST_BYTES + 1)
    with pytest.raises(images.BadImage, match="536,870,913 bytes, at most 536,870,912 are read"):
        images.read(here, "large.png")


READ_AND_MEASURE = """
import resource, sys
from modelmap.datasets import coco, folder
from modelmap.datasets.problems import InvalidDataset

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB

before = most()
for module, path in (
    (folder, sys.argv[1]), (coco, {"annotations": sys.argv[2], "images": sys.argv[1]})
):
    try:
        module.Source({"path": path, "targets_per_image": 1})
    except InvalidDataset as error:
        print(error)
print(most() - before)
"""


def test_a_line_of_2_gb_is_refused_early(here):
    """Also where the whole file is one JSON; both in little memory, and before they are read."""
    sparse(here / "metadata.jsonl", 2 * GB, b'{"file_name": "a.png", "text": "')
    sparse(here / "captions.json", 2 * GB, b'{"images": "')
    command = [sys.executable, "-c", READ_AND_MEASURE, here, here / "captions.json"]
    environment = os.environ | {"PYTHONPATH": str(Path(folder.__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    count, line, annotations, memory = done.stdout.splitlines()
    assert count == "1 problem(s):"
    assert line.endswith(
        "metadata.jsonl line 1: is longer than 16,777,216 bytes; nothing is read of it"
    )
    assert "2,147,483,648 bytes, at most 1,073,741,824 are read" in annotations
    assert float(memory) < 100


def test_lines_before_one_that_is_too_long_are_read(here, monkeypatch):
    monkeypatch.setattr(folder, "MOST_BYTES", 60)
    good = b'{"file_name": "a.png", "text": "%s"}'
    assert len(metadata(here, good % (b"x" * (60 - len(good) + 2)))) == 1
    with pytest.raises(InvalidDataset) as error:
        metadata(here, good % b"x", b"{", good % (b"x" * 99), b"{")
    _, *told = str(error.value).split("\n")
    assert [text.split("metadata.jsonl ")[1][:12] for text in told] == [
        "line 2: is n",
        "line 3: is l",
    ]


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, "1" * 5000])
def test_json_that_no_reader_takes_is_told(here, text):
    with pytest.raises(InvalidDataset, match=r"line 1: is no JSON that can be read"):
        metadata(here, text.encode())
    (here / "c.json").write_text(text)
    with pytest.raises(InvalidDataset, match="not as COCO's captions are"):
        coco.Source(
            {"path": {"annotations": here / "c.json", "images": here}, "targets_per_image": 1}
        )


@pytest.mark.parametrize("limit_of_pillow", [None, 2**40, 10**8])
def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch, limit_of_pillow):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit_of_pillow)
    tracemalloc.start()
    for side in (9460, 30_000, 2**31 - 1):
        with pytest.raises(images.BadImage, match=r"huge \(more than 89,478,485 pixels\)"):
            images.decode(png(side, side))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize(
    "more",
    [
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26))),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2**26))),
        chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**26))),
    ],
    ids=["text", "international text", "color profile"],
)
def test_what_an_image_carries_beside_its_pixels_is_no_bomb(more):
    with pytest.raises(images.BadImage, match=r"broken \(Decompressed data too large"):
        images.decode(png(64, 64, more))


def test_of_an_animation_no_frame_but_the_first_is_decoded():
    frames = [Image.new("L", (16, 16), i) for i in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    content = file.getvalue()
    last = content.rindex(b"\x21\xf9")
    assert images.decode(content[:last] + bytes(range(256))).getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize("kind", ["EPS", "PDF", "PPM", "ICO", "TGA", "JPEG2000", "PCX"])
def test_only_a_few_formats_are_tried(kind):
    """Pillow has Ghostscript run an EPS file, which is a program."""
    file = io.BytesIO()
    noise(32, 32).save(file, kind)
    with pytest.raises(images.BadImage, match=r"^the file is not an image that can be read \(JPEG"):
        images.decode(file.getvalue())


def test_messages_hold_no_line_and_no_command_of_the_data(here):
    name = "a\x1b[2J\x1b]0;owned\x07\nmetadata.jsonl line 9: all is well\u202e.png"
    line = json.dumps({"file_name": name, "text": "x"}).encode()
    with pytest.raises(InvalidDataset) as error:
        metadata(here, line, json.dumps({"file_name": "b", "text": "x", "k" * 10**6: 1}).encode())
    said = str(error.value)
    assert len(said.split("\n")) == 3
    assert not set(said) & {"\x1b", "\x07", "\u202e"}
    assert r"a\x1b[2J\x1b]0;owned\x07 metadata.jsonl line 9: all is well\u202e.png" in said
    assert len(said) < 10_000


def test_all_problems_of_a_large_file_are_one_short_message():
    problems = Problems("file")
    for i in range(100):
        problems.add(i, "x" * 10**5)
    with pytest.raises(InvalidDataset) as error:
        problems.raise_any()
    assert len(str(error.value)) < 200_000


@pytest.mark.slow
@pytest.mark.parametrize("chain", ["{}", "file://{}", "{}::hf://datasets/org/x@{commit}/a.zip"])
def test_a_record_of_the_hub_reads_no_file_of_this_machine(
    datasets_hub, problem, here, tmp_path, chain
):
    """An image may be stored as a path: the library's own, or whatever the dataset says."""
    path = chain.replace("{}", str(here.parent / "secret.png")).replace("{commit}", "0" * 40)
    for name, stored in (("path", path), ("other", "hf://datasets/org/private@main/a.png")):
        (tmp_path / name).mkdir()
        image = pa.StructArray.from_arrays(
            [pa.array([None], pa.binary()), pa.array([stored])], ["bytes", "path"]
        )
        pq.write_table(pa.table({"image": image, "text": ["x"]}), tmp_path / name / "test.parquet")
        datasets_hub.add(f"org/{name}", tmp_path / name, kind="datasets")
        said = problem(source="hub", path=f"org/{name}", image="image", target="text")
        assert "expected the bytes of an image file; links are not followed" in said
