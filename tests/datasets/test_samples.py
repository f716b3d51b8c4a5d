"""Drawing, partners, shards and variants, of rows made by hand and of a real source."""

import random
from collections import Counter

import pytest
from PIL import Image

from modelmap.datasets import images, samples
from modelmap.datasets.problems import InvalidDataset


def row(group, i=0, size=(16, 16), prompt=None):
    """Return a row as a source makes it; every group's image has a color of its own."""
    color = (sum(map(ord, group)) % 256, 7, 9)
    return {
        "sample_id": f"{group}#{i}",
        "group": group,
        "image": images.encode(Image.new("RGB", size, color)),
        "width": size[0],
        "height": size[1],
        "prompt": prompt,
        "target": f"text {i} of {group}",
        "stratum": None,
    }


def some_rows(n_groups, seed=0):
    """Return rows of groups of one to three texts, in three sizes of image, groups mixed."""
    r, rows = random.Random(seed), []
    for g in range(n_groups):
        size = r.choice([(16, 16), (16, 24), (32, 16)])
        rows += [row(f"g{g}", i, size) for i in range(r.randint(1, 3))]
    r.shuffle(rows)
    return rows


def read(**settings):
    """Read scenes, the source that needs no files."""
    default = {"path": None, "targets_per_image": 1, "n_samples": None, "seed": 0, "options": None}
    rows, _ = samples.read({"source": "scenes"} | default | settings)
    return rows


@pytest.fixture(scope="module")
def scenes():
    return read()


# Drawing


@pytest.mark.parametrize("n_samples", [1, 37, 500])
def test_so_many_are_drawn_in_order(n_samples, scenes):
    drawn = read(n_samples=n_samples)
    ids, all_ids = ([r["sample_id"] for r in rows] for rows in (drawn, scenes))
    assert len(ids) == n_samples
    assert ids == [name for name in all_ids if name in set(ids)]


def test_what_is_drawn_hangs_on_the_seed_alone():
    assert read(n_samples=37, seed=3) == read(n_samples=37, seed=3)


def test_drawing_reaches_the_whole_dataset():
    drawn = {r["sample_id"] for r in read(n_samples=37)}
    assert len({name[:8] for name in drawn}) == 5  # scene-00, …, scene-04


@pytest.mark.parametrize("targets_per_image", [1, 2])
def test_more_than_there_are_is_refused(targets_per_image):
    n = 500 * targets_per_image
    assert len(read(n_samples=n, targets_per_image=targets_per_image)) == n
    with pytest.raises(InvalidDataset, match=rf"n_samples is {n + 1}, .* has only {n} pairs"):
        read(n_samples=n + 1, targets_per_image=targets_per_image)


def test_bytes_are_those_of_utf8():
    rows = [row("a") | {"target": "é 漢 🙂"}, row("b")]
    assert [r["n_bytes"] for r in samples.with_partners(rows, seed=0)] == [11, 11]


# Partners


@pytest.mark.parametrize("n_groups", [2, 3, 60])
@pytest.mark.parametrize("seed", [0, 1])
def test_partners_are_a_derangement_of_the_groups(n_groups, seed):
    rows = samples.with_partners(some_rows(n_groups), seed=seed)
    group_of = {r["sample_id"]: r["group"] for r in rows}
    partner = {r["group"]: group_of[r["shuffled_from"]] for r in rows}
    assert all(group != other for group, other in partner.items())
    assert sorted(partner) == sorted(partner.values())
    assert all(partner[r["group"]] == group_of[r["shuffled_from"]] for r in rows), "one a group"


def test_partners_of_a_drawn_dataset_are_in_it():
    rows = read(n_samples=10)
    assert {r["shuffled_from"] for r in rows} == {r["sample_id"] for r in rows}


def test_partners_are_mostly_of_the_same_size():
    rows = samples.with_partners(some_rows(60), seed=0)
    size = {r["sample_id"]: (r["width"], r["height"]) for r in rows}
    other = {r["group"] for r in rows if size[r["shuffled_from"]] != size[r["sample_id"]]}
    assert len(other) == 3  # one group of each of the three sizes leads to the next


def test_the_order_of_the_rows_changes_no_partner():
    rows = [row(f"g{i}") for i in range(20)]
    there = {r["sample_id"]: r["shuffled_from"] for r in samples.with_partners(rows, seed=0)}
    back = {r["sample_id"]: r["shuffled_from"] for r in samples.with_partners(rows[::-1], seed=0)}
    assert there == back
    again = {r["sample_id"]: r["shuffled_from"] for r in samples.with_partners(rows, seed=1)}
    assert there != again


def test_a_single_image_has_no_partner():
    rows = samples.with_partners([row("a", 0), row("a", 1)], seed=0)
    assert [r["shuffled_from"] for r in rows] == [None, None]
    with pytest.raises(InvalidDataset, match="at least two images"):
        samples.variants(rows, ["given", "shuffled"], prompt="?", everything=rows)
    given, shuffled = samples.probes(rows, 2, prompt="?")
    assert [sample.sample_id for sample in given] == [rows[0]["sample_id"]]
    assert shuffled is None


# Texts


def text(i, prompt=None):
    """Return a row of text alone, as a source makes it."""
    shown = {"image": None, "width": None, "height": None}
    return row(f"t{i}", prompt=prompt) | shown | {"group": prompt or f"t{i}"}


def test_texts_have_no_image_and_no_partner():
    rows = samples.with_partners([text(0), text(1, "Hi?"), text(2, "Hi?")], seed=0)
    assert [r["shuffled_from"] for r in rows] == [None] * 3
    for s in sum(by_variant(rows, "given", "no_prompt", prompt="").values(), []):
        assert s.size is s.content is s.image is None
    with pytest.raises(InvalidDataset, match="at least two images"):
        by_variant(rows, "shuffled")


def test_texts_beside_images_take_no_part_in_the_ring():
    rows = samples.with_partners([row("a"), text(0), row("b"), text(1)], seed=0)
    assert [r["shuffled_from"] for r in rows] == ["b#0", None, "a#0", None]


def test_no_prompt_leaves_out_whatever_was_asked():
    rows = samples.with_partners([text(0), text(1, "own"), text(2, "")], seed=0)
    found = by_variant(rows, "given", "no_prompt", prompt="all")
    assert [s.prompt for s in found["given"]] == ["all", "own", ""]
    assert [(s.prompt, s.target) for s in found["no_prompt"]] == [("", r["target"]) for r in rows]


def test_probes_of_texts_are_of_different_prompts_and_shown_one_way():
    asked = [text(i, f"prompt {i // 3}") for i in range(18)]
    given, shuffled = samples.probes(samples.with_partners(asked, seed=0), 3, prompt="")
    assert shuffled is None
    assert [s.sample_id for s in given] == [asked[i]["sample_id"] for i in (0, 6, 12)]


# Shards


@pytest.mark.parametrize("n", [1, 2, 3, 7, 40])
def test_shards_partition_the_samples_and_keep_groups_whole(n):
    rows = some_rows(30)
    shards = [samples.shard(rows, f"{k}-of-{n}") for k in range(1, n + 1)]
    counts = Counter(r["sample_id"] for part in shards for r in part)
    assert counts == {r["sample_id"]: 1 for r in rows}
    groups = [{r["group"] for r in part} for part in shards]
    assert sum(map(len, groups)) == 30
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    order = [r["sample_id"] for r in rows]
    for part in shards:
        places = [order.index(r["sample_id"]) for r in part]
        assert places == sorted(places)


# Variants


@pytest.fixture
def rows():
    return samples.with_partners(some_rows(6), seed=0)


def by_variant(rows, *names, prompt="?", everything=None):
    found = samples.variants(rows, names, prompt=prompt, everything=everything or rows)
    return {name: [s for s in found if s.variant == name] for name in names}


def test_every_variant_has_every_text(rows):
    found = by_variant(rows, "given", "shuffled", "blank", "none")
    wanted = [(r["sample_id"], r["target"]) for r in rows]
    assert all([(s.sample_id, s.target) for s in part] == wanted for part in found.values())


def test_given_is_the_image_itself(rows):
    for r, sample in zip(rows, by_variant(rows, "given")["given"], strict=True):
        assert sample.image.tobytes() == images.decode(r["image"]).tobytes()
        assert sample.image.size == sample.size == (r["width"], r["height"])


def test_blank_is_gray_of_the_same_size(rows):
    for r, sample in zip(rows, by_variant(rows, "blank")["blank"], strict=True):
        assert sample.image.size == sample.size == (r["width"], r["height"])
        assert sample.image.mode == "RGB"
        assert sample.image.getcolors() == [(r["width"] * r["height"], (128, 128, 128))]


def test_none_has_no_image(rows):
    for sample in by_variant(rows, "none")["none"]:
        assert sample.image is sample.size is sample.content is None


def test_shuffled_is_the_image_of_the_partner(rows):
    image = {r["sample_id"]: r["image"] for r in rows}
    for r, sample in zip(rows, by_variant(rows, "shuffled")["shuffled"], strict=True):
        assert sample.image.tobytes() == images.decode(image[r["shuffled_from"]]).tobytes()
        assert sample.image.size == sample.size
        assert sample.image.tobytes() != images.decode(r["image"]).tobytes()


def test_shuffled_images_come_from_other_shards_too(rows):
    parts = [samples.shard(rows, f"{k}-of-3") for k in (1, 2, 3)]
    whole = by_variant(rows, "shuffled")["shuffled"]
    content = {s.sample_id: s.content for s in whole}
    for part in parts:
        for sample in by_variant(part, "shuffled", everything=rows)["shuffled"]:
            assert sample.content == content[sample.sample_id]


def test_a_prompt_of_the_sample_wins():
    rows = samples.with_partners([row("a"), row("b", prompt="own"), row("c", prompt="")], seed=0)
    found = by_variant(rows, "given", "shuffled", "none", prompt="all")
    assert all([s.prompt for s in part] == ["all", "own", ""] for part in found.values())


@pytest.mark.parametrize(("n", "places"), [(1, [0]), (3, [0, 3, 6]), (9, range(9)), (50, range(9))])
def test_probes_are_evenly_spaced_and_shown_both_ways(n, places):
    rows = samples.with_partners([row(f"g{i}") for i in range(9)], seed=0)
    given, shuffled = samples.probes(rows, n, prompt="?")
    wanted = [rows[i]["sample_id"] for i in places]
    assert [s.sample_id for s in given] == [s.sample_id for s in shuffled] == wanted
    assert {s.variant for s in given} == {"given"}
    assert {s.variant for s in shuffled} == {"shuffled"}


# Subsets


def subset_of(ids, file="ls-0.1.parquet"):
    return {"file": file, "ids": ids}


def read_subset(ids, **settings):
    default = {"path": None, "targets_per_image": 1, "n_samples": 40, "seed": 0, "options": None}
    return samples.read({"source": "scenes"} | default | settings, subset_of(ids))[0]


def test_a_subset_has_its_samples_alone_and_partners_among_them():
    whole = read(n_samples=40)
    ids = [row["sample_id"] for row in whole[::5]]
    some = read_subset(ids[::-1])
    assert [row["sample_id"] for row in some] == ids
    assert {row["shuffled_from"] for row in some} == set(ids)
    shown = ("sample_id", "group", "target", "image")
    assert [[row[key] for key in shown] for row in some] == [
        [row[key] for key in shown] for row in whole[::5]
    ]


def test_samples_of_another_draw_are_told_the_first_and_how_many():
    ids = [row["sample_id"] for row in read(n_samples=40)]
    other = {row["sample_id"] for row in read(n_samples=40, seed=1)}
    missing = [name for name in ids if name not in other]
    with pytest.raises(InvalidDataset) as error:
        read_subset(ids, seed=1)
    assert str(error.value) == (
        f"ls-0.1.parquet: {len(missing)} of 40 samples are not among the 40 of scenes, the first "
        f'is "{missing[0]}"; give the dataset the keys (n_samples, seed, …) of the one that the '
        "subset was chosen from"
    )


def test_a_subset_of_nothing_is_none():
    with pytest.raises(InvalidDataset, match="ls-0.1.parquet: holds no sample"):
        read_subset([])
