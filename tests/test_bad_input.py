"""Bad input gives one clear message or one explained row, and finished scores stay."""

import json
import shutil

import polars as pl
import pytest
import torch
import yaml
from local_hub import LocalHub
from tiny import load, noise
from workflow_runs import ROOT, run, snakemake, write_sheet

from modelmap import tables
from modelmap.zoo import training

SNAKEFILE = ROOT / "Snakefile"
SCRIPT = "<script>alert(1)</script>"
CONFIG = {
    "models": "models.tsv",
    "datasets": {"photos": {"source": "folder", "path": "photos", "variants": ["given", "blank"]}},
    "map": {"n_bootstrap": 20, "tsne": {"max_iter": 250}},
}


def write(folder, rows, config=CONFIG):
    write_sheet(folder / "models.tsv", rows)
    (folder / "my.yaml").write_text(yaml.safe_dump(config))


def write_photos(folder, lines):
    (folder / "photos").mkdir(exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "photos/metadata.jsonl").write_text(text)


@pytest.mark.parametrize(
    ("sheet", "config", "message"),
    [
        ({}, {"datsets": {}}, 'datsets: unknown key; did you mean "datasets"?'),
        ({"famly": "x"}, {}, 'models.tsv line 1, column 3: unknown column "famly"; did you mean "'),
        ({"model": "../x"}, {}, "models.tsv line 2, column 1 (model"),
        ({"repo": "zoo:lava-base"}, {}, 'did you mean "llava-base"?'),
        ({"parent": "nobody"}, {}, "nobody"),
        ({}, {"map": {"tsne": {"perplexty": 3}}}, 'did you mean "perplexity"?'),
        ({}, {"score": {"batch_tokens": "many"}}, '"auto" or an integer >= 1'),
    ],
)
@pytest.mark.slow
def test_a_wrong_config_or_sheet_stops_before_any_job(tmp_path, sheet, config, message):
    write(tmp_path, [{"model": "a", "repo": "./a"} | sheet], CONFIG | config)
    done = snakemake(tmp_path, "--configfile", "my.yaml", "--dry-run", snakefile=SNAKEFILE)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_two_models_of_one_name_are_told_with_both_lines(tmp_path):
    write(tmp_path, [{"model": "a", "repo": "./a"}, {"model": "a", "repo": "./b"}])
    done = snakemake(tmp_path, "--configfile", "my.yaml", "--dry-run", snakefile=SNAKEFILE)
    assert "models.tsv line 3, column 1" in done.stdout
    assert "line 2" in done.stdout


@pytest.mark.slow
def test_all_that_is_wrong_with_the_images_is_told_at_once(tmp_path):
    names = ("text.jpg", "missing.png", "tiny.png")
    write_photos(tmp_path, [{"file_name": name, "text": "a"} for name in names])
    (tmp_path / "photos/text.jpg").write_text("I am no image")
    noise(4, 4).save(tmp_path / "photos/tiny.png")
    write(tmp_path, [{"model": "a", "repo": "./a"}])
    done = snakemake(tmp_path, "--configfile", "my.yaml", snakefile=SNAKEFILE)
    assert done.returncode != 0
    for line, problem in enumerate(
        (
            "text.jpg: the file is not an image",
            "missing.png: it does not exist",
            "tiny.png: the image",
        ),
        1,
    ):
        assert f"metadata.jsonl line {line}: {problem}" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_folder_without_lines_is_told(tmp_path):
    write_photos(tmp_path, [])
    write(tmp_path, [{"model": "a", "repo": "./a"}])
    done = snakemake(tmp_path, "--configfile", "my.yaml", snakefile=SNAKEFILE)
    assert "photos/metadata.jsonl: holds no line" in done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory, checkpoints):
    """A folder of images, good checkpoints, and bad ones; the hub has none."""
    folder = tmp_path_factory.mktemp("project")
    lines = [
        {"file_name": f"{i}.png", "text": f"{SCRIPT} {i}", "stratum": ("b", SCRIPT)[i % 2]}
        for i in range(12)
    ]
    write_photos(folder, lines)
    for i in range(12):
        noise(32 + 4 * i, 48, seed=i).save(folder / f"photos/{i}.png")
    for name in ("llava", "qwen2_vl", "gemma3"):
        shutil.copytree(checkpoints / name, folder / name)
    nan = load(checkpoints / "smolvlm")
    with torch.no_grad():
        nan.network.get_output_embeddings().weight[5] = torch.nan
    training.save(nan, folder / "nan")
    shutil.copytree(checkpoints / "llava", folder / "truncated")
    weights = (folder / "truncated/model.safetensors").read_bytes()
    (folder / "truncated/model.safetensors").write_bytes(weights[: len(weights) // 2])
    with LocalHub() as hub, pytest.MonkeyPatch.context() as patch:
        for name, value in hub.environment(folder / "hub").items():
            patch.setenv(name, value)
        yield folder


BAD = [
    {"model": "nan", "repo": "./nan"},
    {"model": "truncated", "repo": "./truncated"},
    {"model": "missing", "repo": "./missing"},
    {"model": "no-checkpoint", "repo": "./photos"},
    {"model": "hub", "repo": "someone/something"},
]
ABSENT = {  # number of models -> what cannot be embedded
    1: {"tsne": "at least 4", "umap": "at least 3", "pca": "at least 2", "mds": "at least 2"},
    2: {"tsne": "at least 4", "umap": "at least 3"},
    3: {"tsne": "at least 4"},
}


@pytest.mark.slow
@pytest.mark.parametrize("n_models", [1, 2, 3])
def test_a_few_models_among_broken_ones_make_what_map_they_can(project, n_models):
    good = [{"model": n, "repo": f"./{n}", "family": n} for n in ("llava", "qwen2_vl", "gemma3")]
    write(project, good[:n_models] + BAD)
    scores = project / "results/scores/photos"
    before = {path: path.stat().st_mtime_ns for path in scores.rglob("*.parquet")}
    run(project, "--configfile", "my.yaml", snakefile=SNAKEFILE)
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in before.items())

    status = pl.read_csv(project / "results/status.tsv", separator="\t")
    reasons = {row["model"]: (row["status"], row["reason"]) for row in status.rows(named=True)}
    assert sum(state == "ok" for state, _ in reasons.values()) == n_models
    assert reasons["nan"][0] == "refused"
    assert "NaN" in reasons["nan"][1]
    assert reasons["truncated"][0] == "corrupt"
    assert reasons["missing"] == ("missing", "the folder ./missing does not exist")
    assert reasons["no-checkpoint"][0] == "corrupt"
    assert "no config.json" in reasons["no-checkpoint"][1]
    assert reasons["hub"][0] == "missing"
    assert "someone/something is not on the hub" in reasons["hub"][1]

    folder = project / "results/map/photos"
    for method in ("tsne", "umap", "pca", "mds"):
        path = folder / f"embedding_{method}.parquet"
        absent = tables.provenance(path).get("absent")
        expected = ABSENT[n_models].get(method)
        assert tables.read(path, tables.EMBEDDING).height == (0 if expected else n_models)
        assert (expected in absent) if expected else absent is None
        assert (folder / f"map_{method}.svg").exists()
    pairs = tables.read(folder / "distances.parquet", tables.DISTANCES)
    assert pairs.height == n_models * (n_models - 1) // 2
    assert (folder / "map.html").exists()
    stability = project / "results/stability"
    for name in ("photos/samples", "photos/models", "photos/seeds", "photos/strata", "datasets"):
        assert pl.read_csv(stability / f"{name}.tsv", separator="\t").is_empty()
        assert (stability / f"{name}.svg").exists()
    assert (project / "results/report.html").exists()
    for page in (project / "results").rglob("*.html"):  # captions and strata are text
        assert SCRIPT not in page.read_text()
    assert "&lt;script&gt;alert(1)" in (folder / "strata.svg").read_text()
