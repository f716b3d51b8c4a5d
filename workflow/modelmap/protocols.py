"""Published maps by name: what a protocol fixes, and so a config may not set as well.

`oyama2025` is the map of 1,018 language models (Oyama et al. 2025, arXiv 2502.16173) as its code
calls it: clipping, then t-SNE with the metric "sqeuclidean". `vlm2026` is the map of 56
vision-language models: t-SNE with the metric "cosine", which is all that the paper says; the rest
is scikit-learn's default. Both metrics are taken literally, see `geometry.embedding`.
"""

from pathlib import Path

from modelmap.validation import InvalidInput, Places, load_schema, shown

FIXED = {  # protocol: {key of the block `map`: value, or values of some keys of a block}
    "default": {},
    "oyama2025": {
        "clip": 0.02,
        "adjust": [],
        "tsne": {
            "metric": "sqeuclidean",
            "perplexity": 30,
            "max_iter": 10000,
            "random_state": 42,
        },
    },
    "vlm2026": {
        "clip": None,
        "adjust": [],
        "tsne": {"metric": "cosine", "perplexity": 30, "max_iter": 1000},
    },
}


def check_protocol(config, files, schema_dir):
    """Refuse keys of a valid config's block `map` that say other than its protocol.

    Raises
    ------
    InvalidInput
        If a key that the protocol fixes is set in a file or on the command line.
    """
    known = load_schema(Path(schema_dir) / "config.schema.yaml")["properties"]["map"]["properties"]
    protocol, places = config["map"]["protocol"], Places(files)
    for keys, value in _fixed(protocol):
        schema, found = {"properties": known}, config["map"]
        for key in keys:
            schema, found = schema["properties"][key], found[key]
        is_set = ("map", *keys) in places.places or found != schema["default"]
        if is_set and found != value:
            message = (
                f"found {shown(found)}, but protocol {protocol} has {shown(value)}; leave this "
                "key out, or take the protocol default"
            )
            places.refuse(("map", *keys), message)
    if places.problems:
        raise InvalidInput(places.problems)


def applied(settings):
    """Return the block `map` as it holds: the protocol's values, and t-SNE told to be literal."""
    fixed = FIXED[settings["protocol"]]
    tsne = settings["tsne"] | fixed.get("tsne", {})
    return settings | fixed | {"tsne": tsne | ({"published": True} if fixed else {})}


def unfixed(config):
    """Return the config without what its protocol fixes, as it may be checked again."""
    fixed = FIXED[config["map"]["protocol"]]
    block = {key: value for key, value in config["map"].items() if key not in fixed}
    if "tsne" in fixed:
        tsne = config["map"]["tsne"].items()
        block["tsne"] = {key: value for key, value in tsne if key not in fixed["tsne"]}
    return config | {"map": block}


def _fixed(protocol):
    """Yield (keys below `map`, value) of all that a protocol fixes."""
    for key, value in FIXED[protocol].items():
        if isinstance(value, dict):
            yield from (((key, below), part) for below, part in value.items())
        else:
            yield (key,), value
