from modelmap.scoring.plan import fingerprint, plan_batches

LENGTHS = [5, 90, 17, 17, 3, 44, 90, 17, 60, 5, 200]


def test_every_row_stands_in_one_batch():
    batches = plan_batches(LENGTHS, batch_tokens=100)
    assert sorted(i for batch in batches for i in batch) == list(range(len(LENGTHS)))


def test_no_batch_holds_more_than_its_budget_unless_a_single_row_does():
    for budget in (1, 50, 100, 1000):
        for batch in plan_batches(LENGTHS, batch_tokens=budget):
            assert len(batch) == 1 or len(batch) * max(LENGTHS[i] for i in batch) <= budget


def test_the_longest_come_first():
    batches = plan_batches(LENGTHS, batch_tokens=100)
    order = [LENGTHS[i] for batch in batches for i in batch]
    assert order == sorted(LENGTHS, reverse=True)


def test_no_rows_no_batches():
    assert plan_batches([], batch_tokens=100) == []


def test_the_fingerprint_sees_values_and_not_the_order_of_keys():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
