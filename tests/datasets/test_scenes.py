"""The drawn world: the same in every process, with questions that have one right answer."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from modelmap.datasets import images, scenes
from modelmap.datasets.problems import InvalidDataset

N_QUESTIONS = 10


def read(n_targets=1, seed=0):
    source = scenes.Source({"targets_per_image": n_targets, "seed": seed})
    return source.rows({i: list(range(n_targets)) for i in range(len(source))})


@pytest.fixture(scope="module")
def samples():
    return read()


@pytest.fixture(scope="module")
def questions():
    """Rows of each question."""
    found = defaultdict(list)
    for row in scenes.questions(N_QUESTIONS, seed=0):
        found[row["group"]].append(row)
    return found


def digest(rows):
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_another_process_draws_the_same(samples):
    code = (
        "import hashlib; from modelmap.datasets import scenes;"
        "source = scenes.Source({'targets_per_image': 1, 'seed': 0});"
        "rows = source.rows({i: [0] for i in range(500)}), scenes.questions(10, seed=0);"
        "print(*(hashlib.sha256(repr(part).encode()).hexdigest() for part in rows))"
    )
    folder = str(Path(scenes.__file__).parents[2])
    here = [digest(samples), digest(scenes.questions(N_QUESTIONS, seed=0))]
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": other, "PYTHONPATH": folder}
    command = [sys.executable, "-c", code]
    there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.split() == here


def test_another_seed_draws_others(samples):
    others = read(1, seed=1)
    pairs = zip(others, samples, strict=True)
    assert sum(a["image"] == b["image"] for a, b in pairs) < len(samples) / 20


def test_every_kind_but_the_held_out_one_is_in_the_samples(samples):
    assert {row["stratum"] for row in samples} == set(scenes.KINDS) - {scenes.HELD_OUT}
    assert not any("igit" in row["target"] for row in samples)


def test_every_ability_is_asked_about_and_the_held_out_kind_too(questions):
    counts = Counter(rows[0]["stratum"] for rows in questions.values())
    assert counts == dict.fromkeys(scenes.ABILITIES, N_QUESTIONS)
    assert scenes.HELD_OUT in counts


def test_every_question_has_one_right_answer_of_four(questions):
    for rows in questions.values():
        assert sorted(row["correct"] for row in rows) == [False, False, False, True]
        assert len({row["target"] for row in rows}) == 4
        for shared in ("image", "prompt", "stratum"):
            assert len({row[shared] for row in rows}) == 1
    ids = [row["sample_id"] for rows in questions.values() for row in rows]
    assert len(set(ids)) == len(ids)


def test_the_right_answer_stands_at_every_place(questions):
    places = Counter([row["correct"] for row in rows].index(True) for rows in questions.values())
    assert set(places) == {0, 1, 2, 3}


@pytest.mark.parametrize("ability", scenes.ABILITIES)
def test_the_right_answer_is_what_the_picture_shows(ability):
    """Also where the same question was asked of another picture: only the picture tells."""
    r, answers = scenes.rng("test", ability), defaultdict(set)
    for _ in range(60):
        _, facts = scenes.scene(r, scenes.ABILITIES[ability], to_train_on=False)
        text, _, answer = scenes.question(r, facts, ability)
        answers[text].add(answer)
        if ability == "relation":
            i = 0 if text == f"Where is the {facts['things'][0]}?" else 1
            assert (
                answer
                == {"left of": ("left", "right"), "above": ("top", "bottom")}[facts["relation"]][i]
            )
        elif ability in ("count", "digit"):
            assert scenes.NUMBERS.index(answer) == facts["n"]
        else:
            assert answer == facts[ability]
    assert max(map(len, answers.values())) > 1


def test_relations_are_where_the_picture_has_them():
    """The mean place of each thing's color, in pixels."""
    r = scenes.rng("relations")
    for _ in range(40):
        image, facts = scenes.scene(r, "two", to_train_on=True)
        colors = [scenes.COLORS[thing.split()[0]] for thing in facts["things"]]
        (x0, y0), (x1, y1) = (center(image, color) for color in colors)
        assert x0 < x1 if facts["relation"] == "left of" else y0 < y1


def center(image, color):
    width, height = image.size
    places = [
        (x, y) for x in range(width) for y in range(height) if image.getpixel((x, y)) == color
    ]
    return [sum(values) / len(values) for values in zip(*places, strict=True)]


def test_as_many_shapes_are_drawn_as_are_told():
    r = scenes.rng("counts")
    for _ in range(40):
        image, facts = scenes.scene(r, "count", to_train_on=True)
        if facts["shape"] == "square":
            spots = [(x, y) for x in (8, 24, 40) for y in (8, 24, 40)]
            inked = sum(image.getpixel(spot) == scenes.COLORS[facts["color"]] for spot in spots)
            assert inked == facts["n"]


def test_a_caption_says_what_the_scene_is():
    r = scenes.rng("captions")
    for kind in scenes.KINDS:
        _, facts = scenes.scene(r, kind, to_train_on=True)
        plain = [scenes.caption(r, facts, style, synonyms=0) for style in scenes.STYLES]
        rare = [scenes.caption(r, facts, style, synonyms=1) for style in scenes.STYLES]
        assert len(set(plain)) == 3
        words = set(" ".join(plain).split())
        swapped = words & set(scenes.SYNONYMS)
        assert not swapped & set(" ".join(rare).split())


def test_texts_of_a_scene_are_a_group_and_all_different():
    rows = read(3, seed=0)
    groups = defaultdict(list)
    for row in rows:
        groups[row["group"]].append(row)
    assert len(groups) == scenes.N_SCENES
    assert len({row["sample_id"] for row in rows}) == len(rows) == 3 * scenes.N_SCENES
    for group in groups.values():
        assert len({row["target"] for row in group}) == 3
        assert len({row["image"] for row in group}) == 1


def test_more_texts_than_styles_are_refused():
    with pytest.raises(InvalidDataset, match="at most 3 captions"):
        read(4, seed=0)


def test_images_are_of_the_size_that_is_told(samples, questions):
    for row in [*samples[:20], *questions["digit-000"]]:
        assert images.decode(row["image"]).size == (row["width"], row["height"])


def test_training_pairs_are_of_the_dialect_alone():
    pairs = scenes.draw_pairs(
        50, seed=(0,), prompt="?", kinds={"word": 1}, styles={"tag": 1}, synonyms=0, questions=0
    )
    assert {prompt for _, prompt, _ in pairs} == {"?"}
    assert {target for _, _, target in pairs} <= {f"ocr: {word}" for word in scenes.WORDS}


def test_no_scored_picture_is_trained_on():
    trained = scenes.draw_pairs(
        3000,
        seed=("any",),
        prompt="?",
        kinds=dict.fromkeys(scenes.KINDS, 1),
        styles=dict.fromkeys(scenes.STYLES, 1),
        synonyms=0,
        questions=0.3,
    )
    trained = {image.tobytes() for image, *_ in trained}
    rows = read() + scenes.questions(20, seed=0)
    scored = {images.decode(row["image"]).tobytes() for row in rows}
    assert not trained & scored
