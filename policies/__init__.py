"""What may be done with data: ODRL, decided closed and explained. Pure: no clock, no files, no network."""

from policies.check import cautions, check_policy
from policies.compare import differences, same_terms
from policies.decision import Decision
from policies.describe import describe_policy
from policies.errors import MalformedPolicy, PolicyError, UnknownTerm
from policies.evaluate import evaluate
from policies.model import Facts, Policy, Request
from policies.parse import parse_policy
from policies.purpose import declared_purposes
from policies.render import render_policy
from policies.templates import open_policy, research_until

__all__ = [
    "Decision",
    "Facts",
    "MalformedPolicy",
    "Policy",
    "PolicyError",
    "Request",
    "UnknownTerm",
    "cautions",
    "check_policy",
    "declared_purposes",
    "describe_policy",
    "differences",
    "evaluate",
    "open_policy",
    "parse_policy",
    "render_policy",
    "research_until",
    "same_terms",
]
