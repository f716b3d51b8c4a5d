"""The sheets of hub models: what can be known of them without asking the hub."""

import re
from pathlib import Path

import pytest

from modelmap.benchmarks import read_table
from modelmap.sheet import read_models

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "workflow" / "schemas"
OPENVLM = ROOT / "config/openvlm/models.tsv"
SHEETS = (OPENVLM, ROOT / "config/llm/models.tsv")
TABLE = ROOT / "resources/benchmarks/openvlm_20251023.tsv"
# family -> its image processor, and how many frames it takes an image for
PROCESSORS = {
    "Qwen-VL": ("Qwen2VLImageProcessor", 1),
    "MiMo-VL": ("Qwen2VLImageProcessor", 1),
    "VideoLLaMA": ("VideoLlama3ImageProcessor", 1),
    "GLM-V": ("Glm4vImageProcessor", 2),
}
PATCHES_OF_16 = ("3", "3.5")  # generations of Qwen-VL; all others: 14


def read(path):
    return read_models(path, SCHEMAS, zoo=())


@pytest.fixture(scope="module")
def with_large_models(tmp_path_factory):
    """The rows of the sheet of vision-language models, those in comments too."""
    text = re.sub(r"^#(?=\S)", "", OPENVLM.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path = tmp_path_factory.mktemp("sheet") / "models.tsv"
    path.write_text(text, encoding="utf-8")
    return read(path)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.parent.name)
def test_a_parent_is_no_younger_than_its_child(path):
    released = {row["model"]: row["released"] for row in read(path)}
    for child, row in zip(released, read(path), strict=True):
        for parent in row["parent"]:
            if released[parent] and released[child]:
                n = min(len(released[parent]), len(released[child]))  # of unlike precision
                assert released[parent][:n] <= released[child][:n], (parent, child)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.parent.name)
def test_no_checkpoint_is_scored_twice_in_the_same_way(path):
    rows = read(path)
    ways = {(row["repo"], row["prompt"], str(row["image_options"])) for row in rows}
    assert len(ways) == len(rows)
    assert len({row["label"] for row in rows}) == len(rows)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.parent.name)
def test_every_row_is_of_the_hub_and_says_what_statistics_need(path):
    for row in read(path):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["repo"]), row["model"]
        assert row["family"], row["model"]
        assert row["recipe"], row["model"]
        assert row["params_b"], row["model"]


def test_sixty_models_and_more_are_native():
    assert sum(row["convert"] is None for row in read(OPENVLM)) >= 60


def test_what_is_converted_is_internvl_and_not_native(with_large_models):
    for row in with_large_models:
        own_layout = re.fullmatch(r"OpenGVLab/InternVL.*(?<!-hf)", row["repo"], re.IGNORECASE)
        assert bool(own_layout) is (row["convert"] == "internvl_chat"), row["model"]


def test_benchmark_table_and_sheet_name_the_same_models(with_large_models):
    names = [row["benchmark_name"] for row in with_large_models if row["benchmark_name"]]
    table = read_table(TABLE)
    assert sorted(names) == sorted(table["name"])
    assert table.width == 9
    scores = table.drop("name").to_numpy()
    assert ((scores >= 0) & (scores <= 100)).all()  # and none is missing


def test_models_that_the_leaderboard_does_not_list_match_none_by_accident(with_large_models):
    unlisted = {row["model"] for row in with_large_models if not row["benchmark_name"]}
    assert not unlisted & set(read_table(TABLE)["name"])


def options():
    """Image options of the sheet, once for each kind of image processor."""
    kinds = {}
    for row in read(OPENVLM):
        if row["image_options"]:
            patch_size = 16 if row["generation"] in PATCHES_OF_16 else 14
            kind = (*PROCESSORS[row["family"]], patch_size, row["image_options"])
            kinds.setdefault(str(kind), pytest.param(*kind, id=row["model"]))
    return kinds.values()


@pytest.mark.parametrize(("name", "n_frames", "patch_size", "image_options"), options())
def test_image_options_bound_large_images_and_leave_those_of_coco_alone(
    name, n_frames, patch_size, image_options
):
    from PIL import Image

    from modelmap.models.torchvision import make_importable

    make_importable()
    import transformers

    images = getattr(transformers, name)(patch_size=patch_size)
    assert all(hasattr(images, key) for key in image_options)

    def area(width, height, **given):
        grid = images(Image.new("RGB", (width, height)), return_tensors="pt", **given)
        return grid["image_grid_thw"].prod().item() * patch_size**2

    bound = image_options["size"]["longest_edge"] / n_frames
    assert 0.9 * bound < area(4096, 3072, **image_options) <= bound
    assert area(640, 480, **image_options) == pytest.approx(640 * 480, rel=0.05)
