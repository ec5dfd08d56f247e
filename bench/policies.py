"""`python -m bench.policies`: how long policies take to decide and to compare; prints JSON.

Needs no participant. `compiled` is a decision on a parsed policy; `cold` begins with JSON-LD as text and ends with the
decision as JSON; `compare` is of two policies of ten rules; `catalogue` decides 1,000 offers of five distinct policies.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bench.figures import milliseconds, percentile
from bench.tell import tell
from policies import Facts, Request, evaluate, parse_policy
from policies.concepts import Concepts
from policies.evaluate import evaluate_all
from policies.extent import Extent, compile_extent
from policies.geometry import region_of_bbox
from policies.model import Literal, Observed, Policy
from policies.operands import EXTENT
from policies.overlap import compare_policies
from policies.reading import read_policies

RUNS = 2_000
COMPARISONS = 500
RULES = 10
OFFERS = 1_000
DISTINCT = 5
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
PURPOSES = ["urn:research", "urn:teaching", "urn:flood", "urn:drought"]
CONCEPTS = Concepts(kinds=frozenset({("urn:flood", "urn:research"), ("urn:drought", "urn:research")}))
REQUEST = Request("use", "urn:data", "did:web:c", "did:web:p", frozenset({"urn:flood"}))
FACTS = Facts(observed={"count": Observed((Literal("2"),))})


def measure(runs: int = RUNS, comparisons: int = COMPARISONS) -> dict[str, Any]:
    """p50 and p99 of each, in milliseconds."""
    random = Random(7)
    documents = [document(random, rules=3) for _ in range(50)]
    texts, parsed = [json.dumps(each) for each in documents], [parse_policy(each) for each in documents]
    pairs = [(ten(random), ten(random)) for _ in range(comparisons)]
    offers = [parsed[number % DISTINCT] for number in range(OFFERS)]
    tell("policies: deciding and comparing")
    return {
        "compiled": spread(lambda number: decide(parsed[number % 50]), runs),
        "cold": spread(lambda number: cold(texts[number % 50]), runs),
        "compare": spread(lambda number: compare_policies(*pairs[number], CONCEPTS), comparisons),
        "clip": spread(clipping(), runs),
        "catalogue_of_1000": spread(lambda _: evaluate_all(offers, REQUEST, FACTS, NOW), max(20, runs // 50)),
    }


def decide(policy: Policy) -> bool:
    """A decision on a parsed policy."""
    return evaluate(policy, REQUEST, FACTS, NOW, concepts=CONCEPTS).permitted


def cold(text: str) -> dict[str, Any]:
    """JSON-LD as text → decision as JSON."""
    (policy,) = read_policies(text, name="policy").values()
    return evaluate(policy, REQUEST, FACTS, NOW, concepts=CONCEPTS).as_json()


def clipping() -> Callable[[int], Extent]:
    """A request cut to an agreement."""
    area = {"leftOperand": EXTENT, "operator": "isPartOf", "rightOperand": {"bbox": [0, 40, 20, 60]}}
    (agreed,) = compile_extent(parse_policy({"permission": [{"action": "use", "constraint": [area]}]}))
    asked = [Extent(area=region_of_bbox([west, 45, west + 10, 50])) for west in range(-5, 15)]
    return lambda number: agreed.meet(asked[number % len(asked)])


def spread(run: Callable[[int], object], times: int) -> dict[str, Any]:
    """`{"runs", "p50_ms", "p99_ms"}`."""
    samples: list[float] = []
    for number in range(times):
        began = time.perf_counter()
        run(number)
        samples.append(time.perf_counter() - began)
    return {"runs": times, **{f"p{each}_ms": milliseconds(percentile(samples, each)) for each in (50, 99)}}


def ten(random: Random) -> Policy:
    """A policy of ten rules."""
    return parse_policy(document(random, rules=RULES))


def document(random: Random, *, rules: int) -> dict[str, Any]:
    """So many rules, two of three of them permissions, each with up to three constraints."""
    permissions = max(1, rules * 2 // 3)
    return {
        "@context": CONTEXT,
        "@type": "Set",
        "permission": [_rule(random) for _ in range(permissions)],
        "prohibition": [_rule(random) for _ in range(rules - permissions)],
    }


def _rule(random: Random) -> dict[str, Any]:
    action = random.choice(["use", "read", "distribute", "print"])
    return {"action": action, "constraint": [_constraint(random) for _ in range(random.randint(1, 3))]}


def _constraint(random: Random) -> dict[str, Any]:
    left = random.choice(["dateTime", "count", "purpose", "or"])
    if left == "or":
        return {"or": [_constraint(random), _constraint(random)]}
    order = random.choice(["lt", "lteq", "gt", "gteq"])
    if left == "dateTime":
        moment = (START + timedelta(days=random.randint(0, 60))).isoformat()
        return {"leftOperand": left, "operator": order, "rightOperand": moment}
    if left == "count":
        return {"leftOperand": left, "operator": order, "rightOperand": random.randint(1, 5)}
    return {
        "leftOperand": left,
        "operator": random.choice(["isA", "eq", "neq"]),
        "rightOperand": random.choice(PURPOSES),
    }


if __name__ == "__main__":
    json.dump(measure(), sys.stdout, indent=2)
    print()
