"""The blocks of datasets, checked against each other's keys, their source and the model sheet."""

from pathlib import Path

from modelmap.validation import InvalidInput, Places, load_schema, nearest

# table beside a matrix -> the variant that it compares with the image given
GAPS = {"image_gap": "shuffled", "blank_gap": "blank", "text_gap": "none"}
SUBSETS = Path("results/subsets")  # what runs in this folder make
BESIDE_A_MATRIX = ("samples", "models", "pmi", *GAPS)


def shows_images(block):
    """Tell whether a dataset's block is one of images, and not of text alone."""
    is_table = block["source"] in ("parquet", "hub")
    return block["image"] is not None if is_table else block["source"] not in ("stdlib", "matrix")


def check_datasets(config, rows, files, schema_dir, *, matrices):
    """Refuse what the blocks of a valid config say of each other, of their source and the sheet.

    Parameters
    ----------
    matrices : dict of dataset to the names of its models, of those that are matrices

    Raises
    ------
    InvalidInput
        If a key belongs to another source, one is missing for this one, a variant is none of its
        kind, or a model is none of the sheet.
    """
    places = Places(files)
    keys = load_schema(Path(schema_dir) / "datasets.schema.yaml")["properties"]
    for dataset, block in config["datasets"].items():
        here = ("datasets", dataset)
        for key, part in keys.items():
            sources = part.get("sources", [block["source"]])
            if block["source"] not in sources and block[key] != part["default"]:
                message = f'only source {" or ".join(sources)} has it; this is "{block["source"]}"'
                places.refuse((*here, key), message)
        for message in _gaps(block):
            places.refuse(here, message)
        file = block["subset"]
        if file is not None and Path(file).resolve().is_relative_to(SUBSETS.resolve()):
            message = "a copy elsewhere: a model more would choose these samples anew"
            places.refuse((*here, "subset"), message, file)
        elif file is not None and not Path(file).is_file():
            places.refuse((*here, "subset"), "a file that exists", file)
        for i, variant in enumerate(block["variants"]):
            is_of_samples = variant != "given" and block["source"] != "matrix"
            if is_of_samples and shows_images(block) == (variant == "no_prompt"):
                kind = "images: no_prompt is of text" if shows_images(block) else "text alone"
                message = f"a variant of this dataset, which is of {kind}"
                places.refuse((*here, "variants", i), message, variant)
        for part, message, name in _strangers(config, block, rows, matrices.get(dataset)):
            places.refuse((*here, *part), message, name)
        if "." in dataset and dataset.rpartition(".")[2] in BESIDE_A_MATRIX:
            places.refuse(here, "the name's end is that of a table made beside a matrix; rename it")
    for part in ("benchmarks", "theory"):
        for i, name in enumerate(config[part]["datasets"] or []):
            if name not in config["datasets"]:
                message = f"a dataset of this config{nearest(name, config['datasets'])}"
                places.refuse((part, "datasets", i), message, name)
            elif part == "theory" and name in matrices:
                message = (
                    "a dataset that is scored here: of a matrix there is nobody to write texts"
                )
                places.refuse((part, "datasets", i), message, name)
    if places.problems:
        raise InvalidInput(places.problems)


def _strangers(config, block, rows, given):
    """Yield keys, what was expected and the name of what a block names and cannot have."""
    known, where = [row["model"] for row in rows if row["repo"]], config["models"]
    if given is not None:
        known = [*given, *known] if block["samples_from"] else given
        where = f"{block['path']} or {where}" if block["samples_from"] else block["path"]
    for i, name in enumerate(block["models"] or []):
        if name not in known:
            with_repo = " with a repo" if any(row["model"] == name for row in rows) else ""
            yield ("models", i), f"a model of {where}{with_repo}{nearest(name, known)}", name
    others = [name for name, other in config["datasets"].items() if other["source"] != "matrix"]
    name = block["samples_from"]
    if name is not None and name not in others:
        yield ("samples_from",), f"a dataset here that is no matrix{nearest(name, others)}", name


def _gaps(block):
    """Yield what a block lacks."""
    if block["source"] in ("parquet", "hub"):
        if block["target"] is None and block["options"] is None:
            yield '"target" is missing; add "target: COLUMN", or "options" of a question'
        if block["target"] is not None and block["options"] is not None:
            yield '"target" and "options" exclude each other; keep one'
    if (block["options"] is None) != (block["answer"] is None):
        yield '"options" and "answer" go together; add the other or drop both'
    if block["answer_only"] and block["options"] is None:
        yield '"answer_only" is of "options", which are missing'
    if block["options"] is not None and block["targets_per_image"] != 1:
        yield '"targets_per_image" is of "target"; all options of a question are used'
