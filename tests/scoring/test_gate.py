"""The gate refuses a wrong model, and lets a bad one pass."""

import dataclasses

import pytest
import torch
from tiny import Sample, load, noise

from modelmap.scoring import gate


@pytest.fixture
def pairs():
    given = [Sample(f"s{i}", f"a red circle {i}", noise(48, 48, seed=i)) for i in range(12)]
    shuffled = [
        dataclasses.replace(sample, image=other.image, variant="shuffled")
        for sample, other in zip(given, given[1:] + given[:1], strict=True)
    ]
    return given, shuffled


def verdicts(checks):
    return {check["check"]: check["verdict"] for check in checks}


def test_random_weights_pass(model, pairs):
    checks = gate.check(model, *pairs, batch_tokens=512, require_image_use=False)
    assert gate.refusal(checks) is None
    assert set(verdicts(checks)) >= {"finite", "causal", "batched", "image_used"}
    assert all(v == "pass" for c, v in verdicts(checks).items() if c != "image_used")


def test_a_model_that_ignores_the_image_is_refused_only_where_that_is_asked(checkpoints, pairs):
    llava = load(checkpoints / "llava")
    with torch.no_grad():
        llava.network.model.multi_modal_projector.linear_2.weight.zero_()
        llava.network.model.multi_modal_projector.linear_2.bias.zero_()
    flagged = gate.check(llava, *pairs, batch_tokens=512, require_image_use=False)
    assert verdicts(flagged)["image_used"] == "flag"
    assert gate.refusal(flagged) is None
    refused = gate.check(llava, *pairs, batch_tokens=512, require_image_use=True)
    assert "another image costs nothing" in gate.refusal(refused)


def test_a_model_that_produces_nan_is_refused(checkpoints, pairs):
    llava = load(checkpoints / "llava")
    with torch.no_grad():
        llava.network.get_output_embeddings().weight[3] = torch.nan
    reason = gate.refusal(gate.check(llava, *pairs, batch_tokens=512, require_image_use=False))
    assert reason.startswith("finite: no sample of the gate has a score (NaN")


def test_a_model_whose_targets_leak_is_refused(checkpoints, pairs):
    """Attention that looks ahead is what the causality probe is for."""
    llava = load(checkpoints / "llava")
    forward = llava.network.model.language_model.layers[0].forward

    def leaky(hidden_states, *args, **kwargs):
        output = forward(hidden_states, *args, **kwargs)
        return output + output.roll(-1, dims=1)

    llava.network.model.language_model.layers[0].forward = leaky
    checks = gate.check(llava, *pairs, batch_tokens=512, require_image_use=False)
    assert verdicts(checks)["causal"] == "refuse"
    assert "targets leak" in gate.refusal(checks)


def test_a_model_whose_scores_depend_on_the_batch_is_refused(checkpoints, pairs):
    llava = load(checkpoints / "llava")
    forward = llava.network.model.language_model.forward

    def mixed(*args, **kwargs):
        output = forward(*args, **kwargs)
        output.last_hidden_state = output.last_hidden_state + 0.1 * output.last_hidden_state.mean(0)
        return output

    llava.network.model.language_model.forward = mixed
    checks = gate.check(llava, *pairs, batch_tokens=512, require_image_use=False)
    assert verdicts(checks)["batched"] == "refuse"


def test_half_precision_is_compared_with_float32(checkpoints, pairs):
    half = load(checkpoints / "llava", dtype="bfloat16")
    (check,) = [
        c
        for c in gate.check(half, *pairs, batch_tokens=512, require_image_use=False)
        if c["check"] == "float32"
    ]
    assert 0 < check["value"] < 1


def test_a_sample_too_long_for_the_network_is_no_fault_of_the_model(checkpoints, pairs):
    given, shuffled = pairs
    long = dataclasses.replace(given[0], target="red " * 3000)
    checks = gate.check(
        load(checkpoints / "llava"),
        [long, *given[1:]],
        shuffled,
        batch_tokens=512,
        require_image_use=False,
    )
    assert verdicts(checks)["finite"] == "flag"
    assert gate.refusal(checks) is None
