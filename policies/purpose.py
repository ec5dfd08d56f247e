"""What a consumer declares as its purpose by the offer in its own request.

DSP has no field for a declared purpose. Where the request has none of ours, the purpose constraint of its offer counts:
who asks for `purpose isAnyOf [research]` says that the purpose is research.
"""

from collections.abc import Iterable

from policies.model import AtomicConstraint, Constraint, Policy
from policies.values import read_names

# isPartOf and hasPart name a whole or a part of the purpose, not the purpose.
_DECLARING = frozenset({"eq", "isAnyOf", "isAllOf", "isA"})
_EXCLUDING = frozenset({"neq", "isNoneOf"})


def declared_purposes(policy: Policy) -> frozenset[str] | None:
    """The purposes that the permissions name; None if none does, or if what they name excludes itself.

    Constraints of one permission are taken together (what all of them allow); several permissions add up. What stands
    inside `or` or `xone` declares nothing: it leaves open which of its parts is meant.
    """
    named = [purposes for rule in policy.permissions if (purposes := _declared(rule.constraints))]
    return frozenset[str]().union(*named) or None


def _declared(constraints: Iterable[Constraint]) -> frozenset[str]:
    atoms = [atom for atom in _certain(constraints) if atom.left_operand == "purpose" and not atom.extra]
    declaring = [read_names(atom.right_operand) for atom in atoms if atom.operator in _DECLARING]
    excluding = [read_names(atom.right_operand) for atom in atoms if atom.operator in _EXCLUDING]
    if not declaring or None in declaring or None in excluding:
        return frozenset()
    sets = [names for names in declaring if names is not None]
    excluded = frozenset[str]().union(*(names for names in excluding if names is not None))
    return sets[0].intersection(*sets) - excluded


def _certain(constraints: Iterable[Constraint]) -> Iterable[AtomicConstraint]:
    """The atomic constraints that hold whenever all of `constraints` do."""
    for constraint in constraints:
        if isinstance(constraint, AtomicConstraint):
            yield constraint
        elif constraint.operator in {"and", "andSequence"} and not constraint.extra:
            yield from _certain(constraint.parts)
