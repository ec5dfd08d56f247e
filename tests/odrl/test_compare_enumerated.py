"""`compare` against enumeration over closed domains: 1,000 generated pairs, every situation that matters."""

from random import Random

import pytest

from policies import evaluate, parse_policy
from policies.overlap import compare_policies
from tests.odrl.generated import CONCEPTS, every_world, policy
from tests.odrl.naive import compiled

PAIRS = 1_000
BATCHES = 20


def assert_permitted_by_both(witness, policies):
    for each in policies:
        decision = evaluate(each, witness.request, witness.facts, witness.now, concepts=CONCEPTS)
        assert decision.permitted, decision.sentence()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_verdict_is_that_of_enumeration(batch):
    random = Random(batch)
    verdicts = []
    for _ in range(PAIRS // BATCHES):
        documents = policy(random), policy(random)
        policies = [parse_policy(document) for document in documents]
        found = compare_policies(*policies, CONCEPTS)
        verdicts.append(found.verdict)
        if found.verdict == "compatible":
            assert_permitted_by_both(found.witness, policies)
            continue
        assert found.verdict == "conflict"
        assert found.because
        first, second = map(compiled, documents)
        assert not any(first(world) and second(world) for world in every_world(*documents)), documents
    assert {"compatible", "conflict"} <= set(verdicts)
