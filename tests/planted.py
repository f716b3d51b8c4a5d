"""Maps of any size to measure on: families of lineages of models, and what is known of them."""

from functools import cached_property

import numpy as np

FAMILY, LINEAGE = 12, 4  # models in each
N_BENCHMARKS = 8


def plant(folder, n_models, n_samples, random_state=0):
    """Write coordinates of families of lineages, block by block."""
    rng = np.random.default_rng(random_state)
    Q = np.lib.format.open_memmap(folder / "Q.npy", "w+", shape=(n_models, n_samples))
    for start in range(0, n_models, FAMILY):
        family = 20 * rng.normal(size=n_samples)
        for i in range(start, min(start + FAMILY, n_models), LINEAGE):
            rows = min(LINEAGE, n_models - i, start + FAMILY - i)
            lineage = family + 8 * rng.normal(size=n_samples)
            Q[i : i + rows] = lineage + 4 * rng.standard_t(5, size=(rows, n_samples))
            Q[i : i + rows] -= Q[i : i + rows].mean(axis=1, keepdims=True)
    mean = Q.mean(axis=0)
    for start in range(0, n_models, FAMILY):
        Q[start : start + FAMILY] -= mean
    Q.flush()


class Case:
    """Planted models in memory, and what else the rules read."""

    def __init__(self, folder):
        self.folder, self.Q = folder, np.load(folder / "Q.npy")
        self.n, self.groups = len(self.Q), np.arange(self.Q.shape[1])
        self.models = [f"m{i:05}" for i in range(self.n)]

    @cached_property
    def families(self):
        """Labels, one per model."""
        return [row["family"] for row in self.sheet]

    @cached_property
    def sheet(self):
        """Rows of the sheet: a lineage is a base and what is made from it."""
        told = ("label", "generation", "vision_encoder", "tokenizer", "benchmark_name")
        rows = []
        for i, model in enumerate(self.models):
            base = i - i % FAMILY % LINEAGE
            row = {"model": model, "family": f"f{i // FAMILY}", "params_b": 1.0 + i % 7}
            row |= dict.fromkeys(told) | {"parent": "" if i == base else self.models[base]}
            row |= {"recipe": "base" if i == base else ("sft", "mpo", "merge")[i % 3]}
            row |= {"language_model": f"l{i // FAMILY % 20}", "released": f"2024-{1 + i % 12:02}"}
            rows.append(row)
        return rows

    def samples(self):
        """What tables.MATRIX_SAMPLES tells of the columns of Q."""
        import polars as pl

        return pl.DataFrame(
            {
                "sample_id": [f"s{g:05}" for g in self.groups],
                "group": [f"g{g:05}" for g in self.groups],
                "n_bytes": 10 + self.groups % 99,
                "stratum": [f"k{g % 4}" for g in self.groups],
            }
        )

    def placed(self):
        """As the rule `relate` has it."""
        from modelmap import structure

        return structure.placed(self.models, self.Q, self.sheet)

    def map(self):
        """As the rule `stabilize` has it."""
        from modelmap.stability.measures import map_of

        return map_of(self.models, self.Q, self.groups, self.sheet)

    def scored(self):
        """As the rule `predict` has it: scores are linear in the coordinates, with noise."""
        import polars as pl

        from modelmap import benchmarks, predict

        rng = np.random.default_rng(1)
        Y = self.Q @ rng.normal(size=(self.Q.shape[1], N_BENCHMARKS))
        Y = 50 + 10 * Y / Y.std(axis=0) + 5 * rng.normal(size=Y.shape)
        table = pl.DataFrame({"name": self.models} | {f"b{i}": y for i, y in enumerate(Y.T)})
        losses = {measure: rng.normal(600, 9, self.n) for measure in benchmarks.MEASURES}
        models = pl.DataFrame({"model": self.models, "kept": [True] * self.n} | losses)
        points, _ = benchmarks.join(table, models, self.sheet)
        return predict.arrange(points, self.models, self.Q, self.sheet)
