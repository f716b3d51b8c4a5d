"""Frozen maps that a config names, checked before any job starts; and what they know of models.

A frozen map is a file that the target `freeze` wrote, see `tables.REFERENCE`; `frozen` uses it.
"""

from modelmap import tables
from modelmap.validation import InvalidInput, Places, relative, shown

METADATA = ("label", "family", "generation", "recipe", "parent", "language_model")
METADATA += ("vision_encoder", "tokenizer", "params_b", "released", "benchmark_name")
FIXED = ("protocol", "clip", "adjust")  # beside the settings of embeddings
WRITE = "the target freeze writes it, from a config without map.reference"


def settings(config, methods):
    """Return what of the config's block `map` a frozen map keeps."""
    return {key: config["map"][key] for key in (*FIXED, *methods)}


def information_variants(block):
    """Return the variants of a dataset that its mutual information is made of; see gather."""
    variants = sorted(v for v in block["variants"] if v.startswith("shuffled"))
    return ["no_prompt"] if "no_prompt" in block["variants"] else variants


def models_of(config):
    """Return the models of the frozen maps that a config names, as far as these can be read."""
    pattern, found = config["map"]["reference"], set()
    maps = [f"{dataset}{ending}" for dataset in config["datasets"] for ending in ("", ".pmi")]
    for path in {pattern.replace("{map}", name) for name in maps} if pattern else ():
        if not _wrong(path):  # else `check_references` says so
            found |= names(path)
    return found


def names(path):
    """Return the models on a frozen map, as a set."""
    return set(tables.read(path, tables.REFERENCE, columns=["model"])["model"])


def check_references(config, maps, files):
    """Find the frozen map of each map, if the config names any.

    Parameters
    ----------
    config : dict, valid, with the values of its protocol
    maps : list of str, the maps that are to be made
    files : the config's files, for places in messages

    Returns
    -------
    dict: map to path; empty without `map.reference`

    Raises
    ------
    InvalidInput
        If a file is not there or no frozen map, or was made otherwise than the config says.
    """
    key, pattern = ("map", "reference"), config["map"]["reference"]
    if pattern is None:
        return {}
    places = Places(files)
    paths = {name: pattern.replace("{map}", name) for name in maps}
    if len(set(paths.values())) < len(maps):
        names = ", ".join(maps)
        message = f"a file for each map: {{map}} in it stands for a map's name ({names})"
        places.refuse(key, message, pattern)
    else:
        for name, path in paths.items():
            _check(config, name, path, places)
    if places.problems:
        raise InvalidInput(places.problems)
    return paths


def _check(config, name, path, places):
    """Note what is wrong with one file."""
    wrong = _wrong(path)
    if wrong:
        places.refuse(("map", "reference"), f"{relative(path)} {wrong}; {WRITE}")
        return
    facts = tables.provenance(path)
    for keys, value in _flat(facts["settings"], ("map",)):
        found = config
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        _compare(keys, found, value, path, places)
    dataset = name.removesuffix(".pmi")
    block, here = config["datasets"][dataset], ("datasets", dataset)
    _compare((*here, "prompt"), block["prompt"], facts["prompt"], path, places)
    if name != dataset:
        made_of = information_variants(block)
        _compare((*here, "variants"), made_of, facts["variants"], path, places)


def _wrong(path):
    """Tell why a file is no frozen map; empty if it is."""
    try:
        tables.check(path, tables.REFERENCE)
    except FileNotFoundError:
        return "does not exist"
    except (tables.Broken, OSError):
        return "is no frozen map, and no Parquet file at all"
    except tables.OtherVersion as error:
        return str(error).removeprefix(f"{path}: ").rpartition("; ")[0]
    return ""


def _compare(keys, found, value, path, places):
    """Refuse a key that does not say what a frozen map was made with."""
    if found != value:
        message = (
            f"found {shown(found)}, but the frozen map {relative(path)} was made with "
            f"{shown(value)} and keeps it; say so here too, or leave map.reference out"
        )
        places.refuse(keys, message)


def _flat(block, keys):
    """Yield (keys, value) of all that is in a block of blocks."""
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, (*keys, key))
        else:
            yield (*keys, key), value


def metadata(paths):
    """Rows like those of the sheet, parents as text, of the models of frozen maps, by name."""
    rows = {}
    for path in paths:
        table = tables.read(path, tables.REFERENCE, columns=["model", *METADATA])
        rows |= table.rows_by_key("model", named=True, unique=True, include_key=True)
    return {name: rows[name] for name in sorted(rows)}
