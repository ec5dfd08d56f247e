"""What may be done with data: ODRL, decided closed and explained. Pure: no clock, no files, no network."""

from policies.check import cautions, check_policy
from policies.compare import differences, same_terms
from policies.concepts import Concepts
from policies.decision import Decision
from policies.describe import describe_policy
from policies.errors import MalformedPolicy, PolicyError, UnknownTerm
from policies.evaluate import evaluate, evaluate_all
from policies.extent import Extent, compile_extent
from policies.inherit import inherit
from policies.model import Facts, Observed, Policy, Request
from policies.overlap import Comparison, compare_policies, contradictions
from policies.parse import parse_policy
from policies.purpose import declared_purposes
from policies.render import render_policy
from policies.templates import TEMPLATES, open_policy, research_until

__all__ = [
    "TEMPLATES",
    "Comparison",
    "Concepts",
    "Decision",
    "Extent",
    "Facts",
    "MalformedPolicy",
    "Observed",
    "Policy",
    "PolicyError",
    "Request",
    "UnknownTerm",
    "cautions",
    "check_policy",
    "compare_policies",
    "compile_extent",
    "contradictions",
    "declared_purposes",
    "describe_policy",
    "differences",
    "evaluate",
    "evaluate_all",
    "inherit",
    "open_policy",
    "parse_policy",
    "render_policy",
    "research_until",
    "same_terms",
]
