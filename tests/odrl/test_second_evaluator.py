"""The engine agrees with a naive evaluator, written independently, on 100,000 triples of policy, request and state."""

from random import Random

import pytest

from policies import evaluate, parse_policy
from tests.odrl.generated import CONCEPTS, policy, situation, world
from tests.odrl.naive import compiled

BATCHES, POLICIES, WORLDS = 20, 100, 50


@pytest.mark.parametrize("batch", range(BATCHES))
def test_both_evaluators_decide_alike(batch):
    random = Random(1_000 + batch)
    permitted = 0
    for _ in range(POLICIES):
        document = policy(random)
        parsed, naive = parse_policy(document), compiled(document)
        for _ in range(WORLDS):
            plain = world(random)
            decision = evaluate(parsed, *situation(plain), concepts=CONCEPTS)
            assert decision.permitted is naive(plain), (document, plain, decision.sentence())
            permitted += decision.permitted
    assert 0.02 < permitted / (POLICIES * WORLDS) < 0.98
