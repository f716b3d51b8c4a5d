"""Tiny checkpoints with random weights of every family that the engine scores."""
