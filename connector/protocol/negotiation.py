"""The contract negotiation: states, messages and the table of moves (Dataspace Protocol 2025-1, Contract Negotiation).

Where the sources differ we read them so:

- The figure lets only one side terminate in ACCEPTED, AGREED and VERIFIED; the prose allows a termination by either
  side in every state that is not final. We accept what the prose allows: clause `PROSE`.
- The conformance suite's own machine also has OFFERED → OFFERED. Neither figure nor prose has it, and no case needs it:
  there is no such row.
"""

from enum import StrEnum

from connector.protocol.machine import Machine, Role, Row, cases

FIGURE = "Contract Negotiation, figure of the states"
PROSE = "Contract Negotiation, text on termination (not in the figure)"


class NegotiationState(StrEnum):
    """The protocol's states, and NEW for a negotiation that nobody has sent a message about."""

    NEW = "NEW"
    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


class NegotiationMessage(StrEnum):
    """What can be said in a negotiation; an event message is two words, one for each event type."""

    REQUEST = "request"
    OFFER = "offer"
    ACCEPTANCE = "acceptance"
    AGREEMENT = "agreement"
    VERIFICATION = "verification"
    FINALIZATION = "finalization"
    TERMINATION = "termination"


S = NegotiationState
M = NegotiationMessage
C = Role.CONSUMER
P = Role.PROVIDER

NEGOTIATION: Machine[NegotiationState, NegotiationMessage] = Machine(
    "negotiation",
    (
        Row(
            S.NEW,
            M.REQUEST,
            C,
            S.REQUESTED,
            FIGURE,
            cases("CN:01-01..04", "CN:02-01..07", "CN:03-01..04", "CN_C:01-01..04", "CN_C:02-01..06", "CN_C:03-01..06"),
        ),
        Row(S.NEW, M.OFFER, P, S.OFFERED, FIGURE),
        Row(
            S.REQUESTED,
            M.OFFER,
            P,
            S.OFFERED,
            FIGURE,
            cases("CN:01-01..03", "CN:02-04..06", "CN:03-02..04", "CN_C:01-01..03", "CN_C:02-04..05", "CN_C:03-02..06"),
        ),
        Row(
            S.REQUESTED,
            M.AGREEMENT,
            P,
            S.AGREED,
            FIGURE,
            cases("CN:01-04", "CN:02-03", "CN:02-07", "CN:03-01", "CN_C:01-04", "CN_C:02-03", "CN_C:02-06"),
        ),
        Row(S.OFFERED, M.REQUEST, C, S.REQUESTED, FIGURE, cases("CN:01-02", "CN:03-04", "CN_C:01-02")),
        Row(
            S.OFFERED,
            M.ACCEPTANCE,
            C,
            S.ACCEPTED,
            FIGURE,
            cases("CN:01-03", "CN:02-06", "CN:03-03", "CN_C:01-01", "CN_C:02-05", "CN_C:03-04..06"),
        ),
        Row(S.ACCEPTED, M.AGREEMENT, P, S.AGREED, FIGURE, cases("CN:01-03", "CN_C:01-01", "CN_C:03-06")),
        Row(
            S.AGREED,
            M.VERIFICATION,
            C,
            S.VERIFIED,
            FIGURE,
            cases("CN:01-03..04", "CN:02-07", "CN:03-01", "CN_C:01-01", "CN_C:01-04", "CN_C:02-06"),
        ),
        Row(
            S.VERIFIED,
            M.FINALIZATION,
            P,
            S.FINALIZED,
            FIGURE,
            cases("CN:01-03..04", "CN:03-01", "CN_C:01-01", "CN_C:01-04"),
        ),
        Row(S.REQUESTED, M.TERMINATION, C, S.TERMINATED, FIGURE, cases("CN:02-02", "CN_C:02-02")),
        Row(
            S.REQUESTED,
            M.TERMINATION,
            P,
            S.TERMINATED,
            FIGURE,
            cases("CN:01-02", "CN:02-01", "CN_C:01-02", "CN_C:02-01"),
        ),
        Row(S.OFFERED, M.TERMINATION, C, S.TERMINATED, FIGURE, cases("CN:01-01", "CN:02-04", "CN_C:01-03")),
        Row(S.OFFERED, M.TERMINATION, P, S.TERMINATED, FIGURE, cases("CN:02-05", "CN_C:02-04")),
        Row(S.ACCEPTED, M.TERMINATION, C, S.TERMINATED, PROSE),
        Row(S.ACCEPTED, M.TERMINATION, P, S.TERMINATED, FIGURE, cases("CN:02-06", "CN_C:02-05")),
        Row(S.AGREED, M.TERMINATION, C, S.TERMINATED, FIGURE, cases("CN:02-03", "CN_C:02-03")),
        Row(S.AGREED, M.TERMINATION, P, S.TERMINATED, PROSE),
        Row(S.VERIFIED, M.TERMINATION, C, S.TERMINATED, PROSE),
        Row(S.VERIFIED, M.TERMINATION, P, S.TERMINATED, FIGURE, cases("CN:02-07", "CN_C:02-06")),
    ),
)
