"""How well labels describe groups of models: silhouettes."""

import numpy as np


def silhouettes(d2, labels, lineage):
    """Silhouette of each model, its own lineage left out.

    s = (b − a)/max(a, b) (Rousseeuw 1987, doi 10.1016/0377-0427(87)90125-7): a is the mean distance
    to the models of the same label, b the least mean distance to those of another label. A
    checkpoint and its offspring are near whatever their label, so they count in neither.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, nats². Their roots are averaged.
    labels : sequence of length n_models
    lineage : array of shape (n_models,)
        Labels from `neighbors.lineages`.

    Returns
    -------
    array of shape (n_models,)
        Between −1 (among others) and 1 (among its own); NaN for a model whose label has no other
        lineage, and where there is but one label.
    """
    names, label = np.unique(np.asarray(labels), return_inverse=True)
    models, lineage = np.arange(len(label)), np.asarray(lineage)
    outside = (lineage[:, None] != lineage).astype(float)
    members = (label[:, None] == np.arange(len(names))).astype(float)
    counts = outside @ members
    means = (np.sqrt(d2) * outside) @ members / np.where(counts > 0, counts, np.nan)
    a = means[models, label]
    means[models, label] = np.inf
    b = np.fmin.reduce(means, axis=1, initial=np.inf)
    known = np.isfinite(a) & np.isfinite(b)
    widest = np.where(known & (np.fmax(a, b) > 0), np.fmax(a, b), 1)
    return np.where(known, (b - a) / widest, np.nan)
