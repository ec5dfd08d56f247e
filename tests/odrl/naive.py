"""A second evaluator, written from the recommendation on its own: a document in, a function of plain values out.

It shares no code with `policies`. True, False and None (unknown) are Kleene's; unknown denies.
"""

from datetime import datetime

PARENT = {"use": None, "read": "use", "print": "use", "distribute": "use", "transfer": None, "sell": "transfer"}

# x is a y, for every pair of sectors: written down, not derived.
KINDS_OF = {
    "urn:water": {"urn:water", "urn:flood", "urn:drought"},
    "urn:air": {"urn:air", "urn:fog"},
    "urn:flood": {"urn:flood"},
    "urn:drought": {"urn:drought"},
    "urn:fog": {"urn:fog"},
}


def conjunction(values):
    values = list(values)
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def disjunction(values):
    values = list(values)
    if any(value is True for value in values):
        return True
    return None if any(value is None for value in values) else False


def exactly_one(values):
    values = list(values)
    return None if any(value is None for value in values) else sum(values) == 1


JOIN = {"and": conjunction, "andSequence": conjunction, "or": disjunction, "xone": exactly_one}


def ordered(left, operator, right):
    if left is None:
        return None
    return {
        "eq": left == right,
        "neq": left != right,
        "lt": left < right,
        "lteq": left <= right,
        "gt": left > right,
        "gteq": left >= right,
    }[operator]


def named(values, operator, right):
    """Every one of the values must give the same answer."""
    if not values:
        return None
    if operator in {"eq", "isAnyOf"}:
        answers = {value in right for value in values}
    else:
        answers = {value not in right for value in values}
    return answers.pop() if len(answers) == 1 else None


def atomic(constraint):
    left, operator, right = constraint["leftOperand"], constraint["operator"], constraint["rightOperand"]
    if left == "dateTime":
        moment = datetime.fromisoformat(right)
        return lambda world: ordered(world["now"], operator, moment)
    if left == "count":
        return lambda world: ordered(world["count"], operator, right)
    if left == "industry":
        kinds = KINDS_OF[right]
        return lambda world: None if world["industry"] is None else world["industry"] in kinds
    names = right if isinstance(right, list) else [right]
    if left == "purpose":
        return lambda world: named(world["purpose"], operator, names)
    return lambda world: named([world["assignee"]], operator, names)


def condition(constraint):
    for word, join in JOIN.items():
        if word in constraint:
            parts = [condition(part) for part in constraint[word]]
            return lambda world, join=join, parts=parts: join(part(world) for part in parts)
    return atomic(constraint)


def about(rule):
    def answer(world):
        step = world["action"]
        while step is not None and step != rule["action"]:
            step = PARENT[step]
        return step is not None and rule.get("assignee", world["assignee"]) == world["assignee"]

    return answer


def holds(rule):
    parts = [about(rule), *map(condition, rule.get("constraint", []))]
    return lambda world: conjunction(part(world) for part in parts)


def compiled(document):
    """Whether the policy permits, as a function of a world."""
    permissions = [holds(rule) for rule in document.get("permission", [])]
    prohibitions = [holds(rule) for rule in document.get("prohibition", [])]
    overriding = document.get("conflict") == "perm"

    def permitted(world):
        if not any(rule(world) is True for rule in permissions):
            return False
        return overriding or all(rule(world) is False for rule in prohibitions)

    return permitted
