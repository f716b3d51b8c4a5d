"""What a config means that says little."""

import copy
from pathlib import Path

import yaml

from modelmap.validation import validate_config

SCHEMAS = Path(__file__).parents[1] / "workflow/schemas"
MINIMAL = "models: models.tsv\ndatasets:\n  s: {source: scenes}\n"


def test_defaults_are_filled_in():
    given = yaml.safe_load(MINIMAL)
    before = copy.deepcopy(given)
    config = validate_config(given, [], SCHEMAS)
    assert given == before
    assert config == {
        "models": "models.tsv",
        "on_missing": "report",
        "datasets": {
            "s": {
                "source": "scenes",
                "path": None,
                "samples_from": None,
                "split": None,
                "revision": None,
                "config_name": None,
                "among": None,
                "image": None,
                "target": None,
                "options": None,
                "answer": None,
                "answer_only": False,
                "prompt_column": None,
                "stratum": None,
                "id": None,
                "max_bytes": None,
                "prompt": None,
                "n_samples": None,
                "subset": None,
                "targets_per_image": 1,
                "variants": ["given"],
                "paraphrases": [],
                "show_images": None,
                "models": None,
                "seed": 0,
            }
        },
        "score": {
            "dtype": "auto",
            "device": "auto",
            "batch_tokens": "auto",
            "jobs_per_gpu": 1,
            "attention": "auto",
            "share_prefix": "auto",
            "require_image_use": False,
        },
        "map": {
            "protocol": "default",
            "reference": None,
            "clip": None,
            "adjust": [],
            "level": 0.95,
            "n_bootstrap": 1000,
            "ellipses": 100,
            "tsne": {
                "metric": "euclidean",
                "perplexity": 30,
                "max_iter": 2000,
                "random_state": 42,
            },
            "umap": {"n_neighbors": 15, "min_dist": 0.1, "random_state": 42},
            "pca": {},
            "mds": {},
        },
        "stability": {
            "n_repeats": 20,
            "n_neighbors": 10,
            "n_components": 10,
            "random_state": 0,
        },
        "subsets": {
            "methods": ["uniform", "ls", "kl"],
            "sizes": [0.02, 0.05, 0.1, 0.2, 0.5],
            "n_repeats": 100,
            "random_state": 0,
        },
        "theory": {"datasets": None, "n_samples": 100, "max_tokens": 128, "seed": 0},
        "benchmarks": {
            "table": None,
            "datasets": None,
            "prediction": {"protocol": "default", "n_permutations": 1000},
            "n_bootstrap": 1000,
            "n_permutations": 10000,
            "random_state": 0,
        },
    }


def test_a_config_with_all_defaults_written_out_passes_unchanged():
    config = validate_config(yaml.safe_load(MINIMAL), [], SCHEMAS)
    assert validate_config(config, [], SCHEMAS) == config
