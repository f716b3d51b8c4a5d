"""
What jobs that load a model ask a cluster for, by the rule in modelmap/resources.py.

Snakemake asks once more when a job is to begin: then the files are there that tell. (`cache` keeps
no exception, so what is not there is looked for again.)
"""

import json
from functools import cache

from modelmap import planning, resources

# Memory and time are asked by who submits jobs elsewhere, or bounds them here (--resources mem_mb=…).
# Else by nobody: of thousands of jobs it takes a while to tell.
ARE_ASKED = workflow.resource_settings.nodes is not None or any(
    name in workflow.global_resources for name in ("mem_mb", "runtime")
)
DEVICE = "cpu" if config["score"]["device"] == "cpu" else "gpu"


@cache
def bytes_in(path):
    """Bytes of the weights in a folder; FileNotFoundError while there are none."""
    files = [file for file in files_in(path) if file.endswith(".safetensors")]
    if not files:
        raise FileNotFoundError(path)
    return sum(map(os.path.getsize, files))


@cache
def bytes_told(file, written):
    """Bytes of a hub model's files, as its JSON says that was written then."""
    return json.loads(Path(file).read_text())["n_bytes"]


def n_bytes(model):
    """Bytes of a model's files; None where nothing tells yet."""
    path, file = checkpoint_path(model), f"resources/models/{model}.json"
    try:
        return bytes_in(path) if path else bytes_told(file, os.stat(file).st_mtime_ns)
    except (FileNotFoundError, ValueError, KeyError):  # none; killed while written; not resolved
        return None


@cache
def measured(file, written):
    """The rows and MB of the file of samples that was written then."""
    return tables.n_rows(file), os.path.getsize(file) / 1e6


def n_rows_and_mb(dataset):
    """The rows and MB of a dataset's samples: as the config has it, until the file is there."""
    file = f"resources/samples/{dataset}.parquet"
    try:
        return measured(file, os.stat(file).st_mtime_ns)
    except (FileNotFoundError, ValueError):
        return planning.size(DATASETS[dataset])["n_targets"] or resources.DEFAULT_PAIRS, 0


def n_pairs(wildcards):
    """How many pairs a score job has."""
    return n_pairs_on(wildcards.dataset) / MODELS[wildcards.model]["shards"]


def n_pairs_on(dataset):
    """How many pairs a model has to score on a dataset."""
    block, (n_rows, _) = DATASETS[dataset], n_rows_and_mb(dataset)
    about = {"variants": block["variants"], "n_paraphrases": len(block["paraphrases"])}
    load = planning.workload(n_images=n_rows, n_targets=n_rows, **about)
    return load["n_pairs"]


def n_tokens_written(wildcards):
    """The most tokens that a model writes, each of which takes the network once."""
    return config["theory"]["n_samples"] * config["theory"]["max_tokens"]


def n_texts_judged(wildcards):
    """The most texts of others that a model scores."""
    return config["theory"]["n_samples"] * len(models_of(wildcards.dataset))


def weights_gb(model):
    """GB of a model's weights, by the best that is known."""
    return resources.weights_gb(n_bytes(model), MODELS[model]["params_b"])


def if_asked(**functions):
    """Resources that are told by functions; none where nobody asks."""
    return functions if ARE_ASKED else {}


def memory_mb(wildcards, threads, attempt):
    """MB of the host for a job that loads a model: the sheet's, else by the rule."""
    if asked := MODELS[wildcards.model]["mem_mb"]:
        return attempt * asked
    return resources.memory_mb(
        weights=weights_gb(wildcards.model),
        samples_mb=n_rows_and_mb(wildcards.dataset)[1],
        threads=threads,
        device=DEVICE,
        attempt=attempt,
    )


def minutes(n_pairs):
    """Minutes for a job that loads a model and scores so many pairs: the sheet's, else by the rule.

    `n_pairs` : function of the wildcards
    """

    def asked(wildcards, attempt):
        if given := MODELS[wildcards.model]["runtime"]:
            return attempt * given
        return resources.minutes(
            weights=weights_gb(wildcards.model),
            n_pairs=n_pairs(wildcards),
            device=DEVICE,
            attempt=attempt,
        )

    return asked
