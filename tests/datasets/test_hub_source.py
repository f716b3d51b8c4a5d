"""Datasets of a hub: what is asked of it, what is downloaded, and what is said where it fails."""

import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from modelmap.hub_errors import Unreachable

SECRET = "hf_theSecretToken"
N_SHARDS, N = 4, 10  # rows of a shard


def card(**facts):
    return f"---\n{json.dumps(facts)}\n---\n"


def stated(n, split="test"):
    """A card that states a number of rows."""
    features = [{"name": "text", "dtype": "string"}, {"name": "kind", "dtype": "string"}]
    splits = [{"name": split, "num_bytes": 1, "num_examples": n}]
    return card(dataset_info={"features": features, "splits": splits})


@pytest.fixture
def add(datasets_hub, tmp_path):
    """Serve a dataset of four shards, of ten rows each."""

    def add(repo="org/texts", folder="data", split="test", readme=None, **options):
        place = tmp_path / repo
        (place / folder).mkdir(parents=True, exist_ok=True)
        for k in range(N_SHARDS):
            texts = [f"{folder} {split} {k} {i}" for i in range(N)]
            table = pa.table({"text": texts, "kind": [str(k)] * N})
            pq.write_table(table, place / folder / f"{split}-{k:05}-of-{N_SHARDS:05}.parquet")
        if readme:
            (place / "README.md").write_text(readme)
        return datasets_hub.add(repo, place, kind="datasets", **options)

    return add


@pytest.fixture
def texts(read):
    """(rows, facts) of a dataset of the hub."""

    def texts(path="org/texts", **keys):
        return read(**{"source": "hub", "path": path, "target": "text", "facts": True} | keys)

    return texts


@pytest.fixture
def said(problem):
    def said(path="org/texts", **keys):
        return problem(**{"source": "hub", "path": path, "target": "text"} | keys)

    return said


def shards(hub):
    """The numbers of the shards whose content was sent."""
    return {int(path.split("-")[1]) for path in hub.downloads() if path.endswith(".parquet")}


def test_the_commit_is_noted_and_pins_what_is_read(add, texts, tmp_path, datasets_hub):
    repo = add()
    before = repo.refs["main"]
    rows, facts = texts(n_samples=7, stratum="kind")
    assert facts == {"commit": before}
    assert [(row["target"][-3], row["stratum"]) for row in rows] == [
        (row["stratum"],) * 2 for row in rows
    ]
    (tmp_path / "new").mkdir()
    pq.write_table(pa.table({"text": ["new"], "kind": ["k"]}), tmp_path / "new" / "test.parquet")
    after = repo.push(tmp_path / "new")
    assert [row["target"] for row in texts()[0]] == ["new"]
    assert texts(revision=after)[1] == texts()[1] == {"commit": after}
    assert texts(revision=before, n_samples=7, stratum="kind") == (rows, facts)
    repo.refs["v1"] = before
    assert texts(revision="v1", n_samples=7, stratum="kind") == (rows, facts)


def test_split_and_configuration(add, texts, said):
    add(split="train")
    add(split="test")
    assert texts(split="train", n_samples=1)[0][0]["target"].startswith("data train")
    assert said() == "org/texts: split is None, expected one of train, test"
    assert said(split="val") == "org/texts: split is 'val', expected one of train, test"
    configs = [{"config_name": name, "data_files": f"{name}/*.parquet"} for name in ("en", "de")]
    add("org/two", folder="en")
    add("org/two", folder="de", readme=card(configs=configs))
    rows, _ = texts("org/two", config_name="de", n_samples=1)
    assert rows[0]["target"].startswith("de test")
    for found in (said("org/two"), said("org/two", config_name="fr")):
        assert found.startswith("org/two: ValueError: ")
        assert "['en', 'de']" in found


def test_what_is_drawn_is_that_of_the_rows_streamed_or_not(add, texts):
    add()
    add("org/stated", readme=stated(40))
    drawn = sorted(random.Random(5).sample(range(40), 6))
    for path in ("org/texts", "org/stated"):
        rows, _ = texts(path, n_samples=6, seed=5)
        assert [row["sample_id"] for row in rows] == list(map(str, drawn))
        assert [row["target"] for row in rows] == [f"data test {i // N} {i % N}" for i in drawn]


def test_fewer_rows_than_there_are_are_streamed_up_to_the_last(add, texts, datasets_hub, tmp_path):
    add(readme=stated(40))
    seed = next(s for s in range(99) if max(random.Random(s).sample(range(40), 2)) < N)
    rows, _ = texts(n_samples=2, seed=seed)
    assert len(rows) == 2
    assert shards(datasets_hub) == {0}
    assert not any((tmp_path / "datasets").rglob("*.arrow"))
    texts()
    assert shards(datasets_hub) == {0, 1, 2, 3}


def test_of_the_first_rows_no_more_are_read(add, texts, datasets_hub):
    add()
    rows, _ = texts(among=15, n_samples=15)
    assert [row["sample_id"] for row in rows] == list(map(str, range(15)))
    assert shards(datasets_hub) == {0, 1}
    assert len(texts(among=15)[0]) == 15
    add("org/stated", readme=stated(40))
    assert len(texts("org/stated", among=99)[0]) == 40


def test_where_the_number_of_rows_is_not_known_all_are_downloaded_and_it_is_told(
    add, texts, datasets_hub, capsys
):
    add()
    assert len(texts(n_samples=1)[0]) == 1
    assert shards(datasets_hub) == {0, 1, 2, 3}
    told = "org/texts (test) does not tell how many rows it has: all of it is downloaded\n"
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(("kind", "compress"), [("gz", gzip.compress), ("zst", zstandard.compress)])
def test_rows_of_compressed_json_are_streamed(datasets_hub, tmp_path, texts, said, kind, compress):
    """Their columns are known no earlier than they are read, their types never."""
    rows = [{"text": f"text {i}"} | ({"q": f"q {i}"} if i > 50 else {}) for i in range(100)]
    (tmp_path / "json").mkdir()
    lines = "\n".join(map(json.dumps, rows)).encode()
    (tmp_path / "json" / f"train.jsonl.{kind}").write_bytes(compress(lines))
    datasets_hub.add("org/json", tmp_path / "json", kind="datasets")
    found, _ = texts("org/json", among=100, n_samples=40, prompt_column="q")
    wanted = [rows[i] for i in sorted(random.Random(0).sample(range(100), 40))]
    assert [(r["target"], r["prompt"]) for r in found] == [(r["text"], r.get("q")) for r in wanted]
    missing = "org/json (train): no column 'txt' (target); its columns: text, q"
    assert said("org/json", among=100, target="txt") == missing


@pytest.mark.parametrize("readme", [None, stated(40)])
@pytest.mark.parametrize("keys", [{}, {"n_samples": 3}, {"among": 30}])
def test_a_wrong_column(add, said, readme, keys):
    add(readme=readme)
    missing = "org/texts (test): no column 'txt' (target); its columns: text, kind"
    assert said(target="txt", **keys) == missing


def test_fewer_rows_than_are_stated(add, said):
    add(readme=stated(1000))
    assert said(n_samples=1001) == "n_samples is 1001, but org/texts has only 1000 pairs"
    drawn = sorted(random.Random(0).sample(range(1000), 500))
    there = sum(i < 40 for i in drawn)
    assert said(n_samples=500) == (
        f"1 problem(s):\norg/texts (test): ends before row {drawn[there]}: only {there} of 500 "
        "rows are there"
    )
    assert said().startswith("org/texts: NonMatchingSplitsSizesError: ")


def test_who_may_not_read_it_is_told_what_to_do(add, texts, said, monkeypatch):
    add(access="gated", token=SECRET)
    terms = "accept the terms at https://huggingface.co/datasets/org/texts, then"
    assert said() == f"org/texts: {terms} `hf auth login` or set HF_TOKEN"
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert len(texts()[0]) == 40
    assert len(texts(among=3)[0]) == 3


def test_a_dataset_that_moved_is_followed(add, texts, datasets_hub):
    commit = add(readme=stated(40)).refs["main"]
    datasets_hub.rename("org/texts", "new/texts", kind="datasets")
    assert texts(n_samples=3) == texts("new/texts", n_samples=3)
    assert texts()[1] == {"commit": commit}
    assert len(texts()[0]) == 40


def test_what_is_not_there_is_told(add, said, datasets_hub, tmp_path):
    add()
    login = "and no token opens it (`hf auth login` or HF_TOKEN)"
    assert said("org/none") == f"org/none: is not on the hub, or private, {login}"
    assert said("a/b/c") == "a/b/c: is no hub id, which is owner/name"
    assert said(revision="v9").startswith("org/texts: has no revision v9; https://")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "code.py").write_text("import datasets")
    datasets_hub.add("org/code", tmp_path / "code", kind="datasets")
    assert said("org/code").startswith("org/code: RuntimeError: Dataset scripts are no longer")
    datasets_hub.add("org/other", tmp_path / "code", kind="datasets")
    assert said("org/other").startswith("org/other: DataFilesNotFoundError: No (supported) data")


def test_a_hub_that_is_down_for_a_moment_is_asked_again(add, texts, datasets_hub, slept):
    add(readme=stated(40))
    datasets_hub.fail("api/datasets/org/texts", times=2)
    datasets_hub.fail("test-00000", method="GET", times=2)
    assert len(texts(n_samples=3)[0]) == 3
    assert slept[:2] == [1, 2]


@pytest.mark.parametrize("keys", [{}, {"n_samples": 3}])
@pytest.mark.parametrize("match", ["api/datasets/org/texts", ".parquet"])
@pytest.mark.parametrize("status", [500, None])
def test_a_hub_that_stays_down_is_told(add, texts, datasets_hub, keys, match, status):
    add(readme=stated(40))
    datasets_hub.fail(match, status=status)
    with pytest.raises(Unreachable) as error:
        texts(**keys)
    assert str(error.value).startswith("datasets/org/texts: the hub cannot be reached (")
    assert "\n" not in str(error.value)
