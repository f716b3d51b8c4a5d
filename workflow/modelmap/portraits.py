"""What the page of a map tells of its models, from the files of the map."""

from pathlib import Path

from modelmap import benchmarks, disagreement, gather, tables
from modelmap.geometry.hotelling import radius


def embeddings(files, methods, *, level):
    """How each method places the models.

    Parameters
    ----------
    files : list of path, of tables.EMBEDDING
    methods : list of str, their names on the page
    level : of the ellipses

    Returns
    -------
    dict of name to dict: rows, facts, radius (Mahalanobis, of the ellipses; None: there are none);
        of a method that could not, reason
    """
    found = {}
    for file, name in zip(files, methods, strict=True):
        facts = tables.provenance(file)
        of = radius(level, facts["resamples"]) if "resamples" in facts else None
        made = {"rows": tables.read(file, tables.EMBEDDING), "facts": facts, "radius": of}
        found[name] = {"reason": facts["absent"]} if "absent" in facts else made
    return found


def differing(files, neighbors, *, information):
    """The samples on which each model differs most from its nearest.

    Parameters
    ----------
    files : of one map, with the attributes coordinates, matrix, samples, models and texts (list of
        none or one)
    neighbors : DataFrame of tables.NEIGHBORS
    information : whether the matrix is one of mutual information

    Returns
    -------
    models : list of str, those on the map
    table : DataFrame, see `disagreement.table`
    samples : DataFrame: sample_id, group, stratum, and where known prompt and target
    """
    models, Q = tables.read_vectors(files.coordinates, tables.COORDINATES)
    nearest = disagreement.nearest(models, neighbors)
    found = disagreement.most(Q, nearest)
    del Q  # of a thousand models 80 MB, and so are the log-likelihoods
    schema = tables.VISUAL if information else tables.MATRIX
    matrix = {name: getattr(files, name) for name in ("matrix", "samples", "models")}
    _, samples, L = tables.read_kept(**matrix, schema=schema)
    table = disagreement.table(models, nearest, found, L, samples["sample_id"])
    for file in files.texts:
        columns = ["sample_id", "group", "stratum", "prompt", "target"]
        samples = tables.read(file, tables.SAMPLES, columns=columns)
    return models, table, samples


def origins(files, not_scored):
    """How each model was scored, and what its gate found.

    Parameters
    ----------
    files : list of path, the scores: results/scores/{dataset}/{model}/{shard}.parquet
    not_scored : dict of model to what is said of it instead

    Returns
    -------
    dict of model to what `gather.origin` returns, or to a dict: note
    """
    footers = {}
    for file in files:
        footers.setdefault(Path(file).parent.name, []).append(tables.provenance(file))
    noted = {model: {"note": note} for model, note in not_scored.items()}
    return noted | {model: gather.origin(found) for model, found in footers.items()}


def scores(file, losses, metadata):
    """What models score on benchmarks.

    Parameters
    ----------
    file : path of a benchmark table; empty: there is none
    losses : DataFrame of tables.MATRIX_MODELS
    metadata : list of dict, see `benchmarks.join`

    Returns
    -------
    DataFrame: model, one column per benchmark; None without a table
    """
    if not file:
        return None
    points, _ = benchmarks.join(benchmarks.read_table(file), losses, metadata)
    found = points.select("model", *benchmarks.names_of(points))
    return found.rename({benchmarks.MEAN: "mean of benchmarks"}, strict=False)
