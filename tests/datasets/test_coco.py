"""Annotations as MS-COCO's captions have them, and a folder with some of the images."""

import json

import pytest
from tiny import noise

NAMES = [f"{i:012d}.jpg" for i in (9, 4, 7)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with three images in a subfolder, where the test runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "val2017").mkdir()
    for i, name in enumerate(NAMES):
        noise(16, 8 + i, seed=i).save(tmp_path / "val2017" / name)
    return tmp_path


def annotations(names=NAMES, n_captions=5, **others):
    """Annotations of these images, the captions of all of them mixed."""
    captions = [
        {"id": 1000 - 10 * k - i, "image_id": i, "caption": f"caption {k} of {name}"}
        for k in range(n_captions)
        for i, name in enumerate(names)
    ]
    found = [{"id": i, "file_name": name, "license": 4} for i, name in enumerate(names)]
    return {"info": {}, "images": found, "annotations": captions} | others


@pytest.fixture
def block(here):
    """Write annotations (a dict, or text) and give the keys that name them."""

    def block(said=None, images="val2017", **keys):
        text = said if isinstance(said, str) else json.dumps(said or annotations())
        (here / "captions.json").write_text(text, encoding="utf-8")
        return {"source": "coco", "path": {"annotations": "captions.json", "images": images}} | keys

    return block


def test_captions_stand_in_the_order_of_their_ids(read, block):
    rows = read(**block(targets_per_image=5))
    assert [(row["sample_id"], row["group"], row["target"]) for row in rows] == [
        (f"{name}#{k + 1}", name, f"caption {4 - k} of {name}") for name in NAMES for k in range(5)
    ]
    first = read(**block())
    assert [(row["sample_id"], row["target"], row["height"]) for row in first] == [
        (name, f"caption 4 of {name}", 8 + i) for i, name in enumerate(NAMES)
    ]


def test_images_that_are_not_there_are_left_out_and_told(read, block, problem, capsys):
    some = annotations(["none.jpg", *NAMES, "sub/none.jpg"])
    rows, facts = read(facts=True, **block(some))
    assert [row["sample_id"] for row in rows] == NAMES
    assert facts == {"n_images_absent": 2}
    told = "2 of the 5 images of captions.json are not in val2017 and are left out\n"
    assert capsys.readouterr().out == told
    _, facts = read(facts=True, **block())
    assert (facts, capsys.readouterr().out) == ({"n_images_absent": 0}, "")
    found = problem(**block(some, n_samples=4))
    assert found == "n_samples is 4, but val2017 has only 3 pairs"


def test_where_none_is_there_it_is_an_error(block, problem, here):
    (here / "other").mkdir()
    said = problem(**block(images="other"))
    assert said == "other: none of the 3 images of captions.json is there"
    said = problem(**block(images="val2071"))
    assert said == "val2071: No such file or directory; expected a folder of images"


def test_a_file_name_may_name_a_subfolder(read, block):
    rows = read(**block(annotations([f"val2017/{name}" for name in NAMES]), images="."))
    assert [row["height"] for row in rows] == [8, 9, 10]


def test_a_file_name_may_not_leave_the_folder(block, problem, here):
    noise(16, 16).save(here / "secret.png")
    names = ["../secret.png", str(here / "secret.png"), "../none.png"]
    found = problem(**block(annotations([*NAMES, *names])))
    assert found.split("\n") == [
        "2 problem(s):",
        "captions.json image ../secret.png: it lies outside the folder",
        f"captions.json image {here / 'secret.png'}: it lies outside the folder",
    ]


def test_all_that_is_wrong_with_images_and_captions_is_told(block, problem, here):
    (here / "val2017" / NAMES[0]).write_text("no image")
    said = annotations(n_captions=2)
    said["annotations"] = [a for a in said["annotations"] if a["id"] not in (999, 998)]
    said["annotations"].append({"id": 2000, "image_id": 2, "caption": " \n"})
    found = problem(**block(said, targets_per_image=2)).split("\n")
    assert found == [
        "3 problem(s):",
        f"captions.json image {NAMES[1]}: has 1 of targets_per_image: 2 texts",
        f"captions.json image {NAMES[2]}: the text of {NAMES[2]} is empty",
        f"captions.json image {NAMES[0]}: {NAMES[0]}: the file is not an image that can be read "
        "(JPEG, PNG, WEBP, GIF, BMP, TIFF)",
    ]


INSTANCES = annotations(annotations=[{"id": 1, "image_id": 0, "category_id": 3}])


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("{", "JSONDecodeError: "),
        ("[]", "TypeError: "),
        ({"images": []}, "KeyError: 'annotations'"),
        ({"images": [{"id": 1}], "annotations": []}, "KeyError: 'file_name'"),
        (INSTANCES, "KeyError: 'caption'"),
        (annotations(annotations=[{"id": 1, "image_id": 77, "caption": "x"}]), "KeyError: 77"),
    ],
)
def test_a_file_that_is_none_of_cocos_captions(block, problem, said, found):
    message = problem(**block(said))
    assert message.startswith(f"captions.json: not as COCO's captions are ({found}")
    expected = "images with id and file_name, and annotations with id, image_id and caption"
    assert message.endswith(f"; expected {expected}")


def test_no_annotation_file(block, problem, here):
    keys = block()
    (here / "captions.json").unlink()
    found = problem(**keys)
    assert found == "captions.json: No such file or directory; expected COCO's captions"


def test_captions_are_text(block, problem):
    said = annotations(NAMES[:1], annotations=[{"id": 1, "image_id": 0, "caption": 7}])
    assert "expected text, found [7]" in problem(**block(said))
