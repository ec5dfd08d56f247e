"""What can be wrong with a policy, always with the place where it is wrong.

PolicyError (ValueError)
├─ MalformedPolicy    the document is not a policy in the form of DSP 2025-1 or ODRL 2.2
└─ UnknownTerm        it is one, but uses a word that this engine cannot decide
"""


class PolicyError(ValueError):
    """Something is wrong with a policy: `path` says where, `problem` what, `hint` what to do (or None)."""

    def __init__(self, path: str, problem: str, *, hint: str | None = None) -> None:
        self.path = path
        self.problem = problem
        self.hint = hint
        super().__init__(f"{path}: {problem}" + (f" {hint}" if hint else ""))


class MalformedPolicy(PolicyError):  # noqa: N818 - named like the connector's MalformedMessage
    """The document is not a policy."""


class UnknownTerm(PolicyError):  # noqa: N818 - the term is the fault, the word error adds nothing
    """An operand, operator, action, profile or member that this engine cannot decide: `term` names it."""

    def __init__(self, path: str, term: str, problem: str, *, hint: str | None = None) -> None:
        self.term = term
        super().__init__(path, problem, hint=hint)
