"""Policies, requests and states from a seeded generator, over closed domains: every value that matters is listed."""

import json
from datetime import UTC, datetime, timedelta
from itertools import product

from policies import Facts, Request
from policies.concepts import Concepts
from policies.model import Literal, Observed

ODRL_CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=days) for days in (0, 10, 20)]
MOMENTS = [START + timedelta(days=days) for days in (-1, 0, 5, 10, 15, 20, 25)]
PURPOSES = ["urn:a", "urn:b", "urn:c"]
# A closed hierarchy: of any two sectors it is stated how they relate.
SECTORS = ["urn:water", "urn:flood", "urn:drought", "urn:air", "urn:fog"]
ELSEWHERE = "urn:land"  # what is under none of them
CONCEPTS = Concepts(
    kinds=frozenset({("urn:flood", "urn:water"), ("urn:drought", "urn:water"), ("urn:fog", "urn:air")}),
    disjoint=frozenset(
        {("urn:water", "urn:air"), ("urn:flood", "urn:drought"), (ELSEWHERE, "urn:water"), (ELSEWHERE, "urn:air")}
    ),
)
PEOPLE = ["did:web:a", "did:web:b"]
ACTIONS = ["use", "read", "print", "distribute"]
ORDER = ["eq", "neq", "lt", "lteq", "gt", "gteq"]
COUNTS = [0, 1, 2, 3, 4, 5]


def iso(moment):
    return moment.isoformat().replace("+00:00", "Z")


def atom(random):
    """One constraint over a closed domain."""
    left = random.choice(["dateTime", "count", "purpose", "industry", "recipient"])
    if left == "dateTime":
        operator, right = random.choice(ORDER), iso(random.choice(DAYS))
    elif left == "count":
        operator, right = random.choice(ORDER), random.choice(COUNTS[1:-1])
    elif left == "purpose":
        operator = random.choice(["eq", "neq", "isAnyOf", "isNoneOf"])
        right = random.choice(PURPOSES) if operator in {"eq", "neq"} else random.sample(PURPOSES, 2)
    elif left == "industry":
        operator, right = "isA", random.choice(SECTORS)
    else:
        operator, right = random.choice(["eq", "neq"]), random.choice(PEOPLE)
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def constraint(random, depth=0):
    """An atomic constraint, or with luck a logical one."""
    if depth < 2 and random.random() < 0.3:
        word = random.choice(["and", "or", "xone", "andSequence"])
        return {word: [constraint(random, depth + 1) for _ in range(random.randint(1, 3))]}
    return atom(random)


def rule(random, most=3):
    members = {
        "action": random.choice(ACTIONS),
        "constraint": [constraint(random) for _ in range(random.randint(0, most))],
    }
    if random.random() < 0.2:
        members["assignee"] = random.choice(PEOPLE)
    return members


def policy(random):
    """A policy of up to three permissions and two prohibitions, with any conflict strategy."""
    document = {
        "@context": ODRL_CONTEXT,
        "permission": [rule(random) for _ in range(random.randint(1, 3))],
        "prohibition": [rule(random, most=2) for _ in range(random.randint(0, 2))],
    }
    if random.random() < 0.3:
        document["conflict"] = random.choice(["perm", "prohibit", "invalid"])
    return document


def world(random):
    """A situation in plain values. Anything may be missing (None)."""

    def maybe(value):
        return None if random.random() < 0.1 else value

    return {
        "action": random.choice(ACTIONS),
        "assignee": random.choice([*PEOPLE, "did:web:else"]),
        "now": maybe(random.choice(MOMENTS)),
        "purpose": maybe(frozenset(random.sample(PURPOSES, random.choice([1, 1, 1, 2])))),
        "count": maybe(random.choice(COUNTS)),
        "industry": maybe(random.choice([*SECTORS, ELSEWHERE])),
    }


def situation(plain):
    """The same as the engine takes it: a request, facts and a clock."""
    observed = {
        left: Observed((Literal(str(plain[left])),)) for left in ("count", "industry") if plain[left] is not None
    }
    request = Request(plain["action"], "urn:data", plain["assignee"], "did:web:p", plain["purpose"])
    return request, Facts(observed=observed), plain["now"]


def every_world(*documents: object):
    """Every situation that the closed domains tell apart; what none of the documents asks for has one value."""
    text = json.dumps(documents)

    def values(name, every):
        return every if f'"{name}"' in text else every[:1]

    domains = {
        "action": ACTIONS,
        "assignee": [*PEOPLE, "did:web:else"],
        "now": values("dateTime", MOMENTS),
        "purpose": values("purpose", [frozenset({each}) for each in (*PURPOSES, "urn:else")]),
        "count": values("count", COUNTS),
        "industry": values("industry", [*SECTORS, ELSEWHERE]),
    }
    for each in product(*domains.values()):
        yield dict(zip(domains, each, strict=True))
