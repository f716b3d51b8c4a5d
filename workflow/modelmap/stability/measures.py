"""What is compared of two maps, and how it is told.

Tables of this package are long: a row per comparison and measure, with

- value: debiased CKA; the share of nearest neighbors in common (overlap); the share of the variance
  along the first principal components that one map, turned and scaled, explains of the other
  (procrustes: 1 less the squared Procrustes distance). Each is 1 for maps that are the same;
- low, high: the least and most of several draws;
- chance: what unrelated maps have;
- above_chance: (value − chance)/(1 − chance).
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import polars as pl

from modelmap.geometry import similarity
from modelmap.geometry.resampling import affordable

NAMES = {"cka": "CKA", "overlap": "overlap", "procrustes": "Procrustes"}
N_NULL = 20  # permutations behind the mean of a null
# What is said of a similarity above chance of at least so much.
WORDS = {0.9: "the same map", 0.7: "much the same map", 0.4: "partly the same map"}
OTHERWISE, UNKNOWN = "another map", "no map to compare"
MOST = 2000  # models: of more, so many drawn at random are compared in place of all
# Of many models fewer draws: each costs n_models³ for every map in it.
DRAWS = {"most": 2e9, "least": 3}

FOUND = {"measure": pl.String}
FOUND |= dict.fromkeys(("value", "low", "high", "chance", "above_chance"), pl.Float64)


class Map(NamedTuple):
    """A map of models, in the order of their names."""

    models: list
    Q: np.ndarray  # (n_models, n_samples), nats
    groups: np.ndarray  # (n_samples,), codes from 0 on
    families: list  # labels; a model without one is a family of its own
    weights: np.ndarray  # (n_samples,), what Q was multiplied by
    drawn_from: int = 0  # models, where these were drawn at random; 0: they are all

    @property
    def aside(self):
        """What is said behind every verdict on models that were drawn."""
        if not self.drawn_from:
            return ""
        return f" Of {self.drawn_from:,} models {len(self.models):,} drawn at random are compared."

    @property
    def n_groups(self):
        """How many groups of samples there are."""
        return int(self.groups.max()) + 1 if len(self.groups) else 0

    def moments(self, chosen=slice(None)):
        """`similarity.moments` over some samples, a bool array."""
        return similarity.moments(self.Q[:, chosen], self.weights[chosen])

    def of(self, names):
        """The same of some models."""
        names = sorted(names)
        place = {name: i for i, name in enumerate(self.models)}
        at = [place[name] for name in names]
        families = [self.families[i] for i in at]
        return Map(names, self.Q[at], self.groups, families, self.weights)

    def some(self, random_state):
        """The same of MOST models drawn at random, where there are more."""
        n = len(self.models)
        if n <= MOST:
            return self
        chosen = np.random.default_rng(random_state).choice(n, MOST, replace=False)
        return self.of([self.models[i] for i in chosen])._replace(drawn_from=n)


class How(NamedTuple):
    """How maps are compared, and how often."""

    n_repeats: int
    n_neighbors: int
    n_components: int
    random_state: int

    def configuration(self, M):
        """What is compared of a map, from its moments."""
        n_models = len(M) - 1
        return similarity.configuration(
            similarity.gram(M),
            n_neighbors=similarity.few(n_models, self.n_neighbors),
            n_components=similarity.few(n_models, self.n_components),
        )

    def compare(self, a, b):
        """Measure to (value, chance), of two configurations."""
        return {
            "cka": (similarity.debiased_cka(a, b), 0.0),
            "overlap": overlap(a.near, b.near),
            "procrustes": self.procrustes(a.components, b.components),
        }

    def procrustes(self, X, Y):
        """(share of variance explained, chance) of components of two maps."""
        null = similarity.procrustes_null(
            X, Y, n_permutations=N_NULL, random_state=self.random_state
        )
        return 1 - similarity.procrustes(X, Y), 1 - float(null.mean())

    def compare_pairs(self, configurations):
        """The same of each two of a list: (index, index) to what `compare` says."""
        pairs = combinations(enumerate(configurations), 2)
        return {(i, j): self.compare(a, b) for (i, a), (j, b) in pairs}

    def n_draws(self, n_models, n_maps=1):
        """How many repeats are affordable, of so many maps each."""
        return affordable(self.n_repeats, cost=n_maps * n_models**3, **DRAWS)


def map_of(models, Q, groups, metadata, weights=None):
    """Bring coordinates, groups of samples and families together.

    Parameters
    ----------
    models : list of str
    Q : ndarray of shape (n_models, n_samples), nats
    groups : sequence of length n_samples, labels
    metadata : list of dict: model, family
    weights : ndarray of shape (n_samples,), those of the coordinates; None: all alike
    """
    family = {row["model"]: row["family"] or row["model"] for row in metadata}
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    weights = np.ones(Q.shape[1]) if weights is None else weights
    return Map(models, Q, codes, [family[name] for name in models], weights).of(models)


def overlap(a, b):
    """(neighbor overlap, chance) of what `similarity.nearest` says of two maps."""
    return similarity.neighbor_overlap(a, b), float(a[0].sum() / (len(a) - 1))


def summarized(draws):
    """Rows of a table: the mean over draws, each a dict of measure to (value, chance).

    Without `low` and `high` where there is one draw.
    """
    rows = []
    for measure in draws[0]:
        values, chances = np.array([draw[measure] for draw in draws]).T
        value, chance = values.mean(), chances.mean()
        row = {"measure": measure, "value": value}
        row |= {"low": values.min(), "high": values.max()} if len(draws) > 1 else {}
        row |= {"chance": chance, "above_chance": similarity.above_chance(value, chance)}
        rows.append(row)
    return rows


def table_of(rows, before, **behind):
    """A DataFrame of rows, with columns before and behind those of every table."""
    return pl.DataFrame(rows, before | FOUND | behind).with_columns(
        pl.col(pl.Float64).fill_nan(None)
    )


def too_few(on):
    """What is said of a map of too few models, or without samples; nothing of others."""
    n = len(on.models)
    if n < similarity.LEAST:
        return (
            f"Maps are compared of at least {similarity.LEAST} models with scores, there are {n}."
        )
    return "" if on.Q.shape[1] else "No sample counts for all models."


def word(rows):
    """What kind of map is told by rows of a table: by that which agrees least."""
    if rows["above_chance"].null_count():
        return UNKNOWN
    least = rows["above_chance"].min()
    return next((said for bound, said in WORDS.items() if least >= bound), OTHERWISE)


def number(value):
    """A number as text, with two digits."""
    return "unknown" if value is None else f"{value:.2f}".replace("-", "−")


def told(rows):
    """The values of rows of a table, a measure each, in words."""
    said = []
    for row in rows.rows(named=True):
        chance = f" (chance {row['chance']:.2f})" if row["chance"] else ""
        said.append(f"{NAMES[row['measure']]} {number(row['value'])}{chance}")
    return ", ".join(said)
