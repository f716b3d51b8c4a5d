"""Merge models: average their weights, file by file, without building a network."""

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

WEIGHTS = "model.safetensors"


def merge(parents, folder):
    """Write the mean of the parents' weights, with all else as the first parent has it.

    Parameters
    ----------
    parents : list of checkpoint folders of one architecture
    folder : where the checkpoint goes
    """
    shutil.copytree(parents[0], folder, dirs_exist_ok=True)
    states = [load_file(Path(parent, WEIGHTS)) for parent in parents]
    mean = {key: np.mean([s[key] for s in states], axis=0, dtype=np.float64) for key in states[0]}
    mean = {key: value.astype(states[0][key].dtype) for key, value in mean.items()}
    save_file(mean, Path(folder, WEIGHTS), metadata={"format": "pt"})
