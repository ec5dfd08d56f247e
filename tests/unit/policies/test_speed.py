"""Not a benchmark: a guard against a change that makes a decision slow. Measured: 16 µs a decision, 25 µs to parse."""

from datetime import timedelta
from timeit import repeat

from policies import Facts, evaluate, parse_policy, research_until
from tests.unit.policies.build import NOW, RESEARCH, ask

DOCUMENT = research_until(NOW + timedelta(days=1), RESEARCH)


def microseconds(action, number=200):
    return min(repeat(action, number=number, repeat=5)) / number * 1e6


def test_a_decision_takes_far_less_than_a_millisecond():
    policy, request, facts = parse_policy(DOCUMENT), ask(purpose={RESEARCH}), Facts()
    assert microseconds(lambda: evaluate(policy, request, facts, NOW)) < 250


def test_a_document_becomes_a_decision_in_less_than_a_millisecond():
    request, facts = ask(purpose={RESEARCH}), Facts()
    assert microseconds(lambda: evaluate(parse_policy(DOCUMENT), request, facts, NOW).as_json()) < 1000
