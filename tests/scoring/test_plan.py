import random

import pytest

from modelmap.scoring.plan import Length, fingerprint, plan_batches

ROWS = [5, 90, 17, 17, 3, 44, 90, 17, 60, 5, 200]
ALONE = [Length(n - 2, 2) for n in ROWS]
WIDE = 10**9


def mixed(seed):
    """Samples of which some share their prompt: equal `shares` have prompts of equal length."""
    r = random.Random(seed)
    prompts = [r.choice([20, 30, 31, 60]) for _ in range(8)]
    lengths = []
    for _ in range(60):
        k = r.randrange(10)
        prompt = prompts[k] if k < 8 else r.randrange(1, 70)
        lengths.append(Length(prompt, r.randrange(1, 15), k if k < 8 else None))
    return lengths


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("batch_tokens", [1, 50, 200, 1000])
@pytest.mark.parametrize("batch_targets", [5, WIDE])
def test_every_sample_stands_in_one_batch_and_no_batch_is_too_large(
    seed, batch_tokens, batch_targets
):
    lengths = mixed(seed)
    batches = plan_batches(lengths, batch_tokens=batch_tokens, batch_targets=batch_targets)
    assert sorted(i for batch in batches for i in batch.members) == list(range(len(lengths)))
    for batch in batches:
        rows = [lengths[i] for i in batch.members]
        if len(rows) > 1:
            tail = max(row.tail for row in rows)
            longest = max(row.total for row in rows)
            if batch.of is None:
                assert len(rows) * longest <= batch_tokens
            else:
                assert len(rows) * (rows[0].prompt + tail) <= 2 * batch_tokens
            assert len(rows) * tail <= batch_targets


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_a_shared_batch_continue_equally_long_prompts_each_its_own(seed):
    lengths = mixed(seed)
    batches = plan_batches(lengths, batch_tokens=500, batch_targets=WIDE)
    shared = [batch for batch in batches if batch.of is not None]
    assert shared
    for batch in shared:
        rows = [lengths[i] for i in batch.members]
        assert len({row.prompt for row in rows}) == 1
        assert len({(row.shares, k) for row, k in zip(rows, batch.of, strict=True)}) == len(
            set(batch.of)
        )
        assert list(batch.of) == sorted(batch.of)
        assert set(batch.of) == set(range(max(batch.of) + 1))


def test_samples_with_the_same_condition_are_computed_behind_one_prompt():
    lengths = [Length(50, 3, "a"), Length(50, 4, "b"), Length(50, 2, "a"), Length(50, 1, "c")]
    alone, shared = plan_batches(lengths, batch_tokens=WIDE, batch_targets=WIDE)
    assert (sorted(shared.members), shared.of) == ([0, 2], (0, 0))
    assert (sorted(alone.members), alone.of) == ([1, 3], None)


def test_the_longest_come_first():
    batches = plan_batches(ALONE, batch_tokens=100, batch_targets=WIDE)
    order = [ROWS[i] for batch in batches for i in batch.members]
    assert order == sorted(ROWS, reverse=True)


def test_the_same_input_gives_the_same_plan():
    plans = [plan_batches(mixed(3), batch_tokens=300, batch_targets=60) for _ in range(2)]
    assert plans[0] == plans[1]


def test_no_rows_no_batches():
    assert plan_batches([], batch_tokens=100, batch_targets=WIDE) == []


def test_the_fingerprint_sees_values_and_not_the_order_of_keys():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
