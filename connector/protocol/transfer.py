"""The transfer process: states, messages and the table of moves (Dataspace Protocol 2025-1, Transfer Process).

Where the sources differ: the text says that the provider sends the start message, while the figure and the HTTPS
binding let the consumer send it to resume a suspended transfer. We accept it: clause `BINDING`.
"""

from enum import StrEnum

from connector.protocol.machine import Machine, Role, Row, cases

FIGURE = "Transfer Process, figure of the states"
BINDING = "Transfer Process, figure of the states, and HTTPS binding, start (against the text of the start message)"


class TransferState(StrEnum):
    """The protocol's states, and NEW for a transfer that nobody has sent a message about."""

    NEW = "NEW"
    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class TransferMessage(StrEnum):
    """What can be said in a transfer."""

    REQUEST = "request"
    START = "start"
    SUSPENSION = "suspension"
    COMPLETION = "completion"
    TERMINATION = "termination"


S = TransferState
M = TransferMessage
C = Role.CONSUMER
P = Role.PROVIDER

# TP:02-04 and TP_C:02-04, the two cases the suite has disabled, are not on the rows.
TRANSFER: Machine[TransferState, TransferMessage] = Machine(
    "transfer",
    (
        Row(
            S.NEW,
            M.REQUEST,
            C,
            S.REQUESTED,
            FIGURE,
            cases(
                "TP:01-01..05",
                "TP:02-01..03",
                "TP:02-05",
                "TP:03-01..06",
                "TP_C:01-01..05",
                "TP_C:02-01..03",
                "TP_C:02-05",
                "TP_C:03-01..06",
            ),
        ),
        Row(
            S.REQUESTED,
            M.START,
            P,
            S.STARTED,
            FIGURE,
            cases("TP:01-01..04", "TP:02-01..03", "TP:03-03..06", "TP_C:01-01..04", "TP_C:02-01..03", "TP_C:03-03..06"),
        ),
        Row(S.REQUESTED, M.TERMINATION, C, S.TERMINATED, FIGURE, cases("TP:02-05", "TP_C:02-05")),
        Row(S.REQUESTED, M.TERMINATION, P, S.TERMINATED, FIGURE, cases("TP:01-05", "TP_C:01-05")),
        Row(
            S.STARTED,
            M.SUSPENSION,
            C,
            S.SUSPENDED,
            FIGURE,
            cases("TP:02-03", "TP:03-03", "TP_C:02-03"),
        ),
        Row(
            S.STARTED,
            M.SUSPENSION,
            P,
            S.SUSPENDED,
            FIGURE,
            cases("TP:01-03..04", "TP_C:01-03..04", "TP_C:03-03"),
        ),
        Row(S.STARTED, M.COMPLETION, C, S.COMPLETED, FIGURE, cases("TP:02-02", "TP_C:02-02")),
        Row(S.STARTED, M.COMPLETION, P, S.COMPLETED, FIGURE, cases("TP:01-02", "TP:01-04", "TP_C:01-02", "TP_C:01-04")),
        Row(S.STARTED, M.TERMINATION, C, S.TERMINATED, FIGURE, cases("TP:02-01", "TP:03-04..06", "TP_C:02-01")),
        Row(S.STARTED, M.TERMINATION, P, S.TERMINATED, FIGURE, cases("TP:01-01", "TP_C:01-01", "TP_C:03-04..06")),
        Row(S.SUSPENDED, M.START, C, S.STARTED, BINDING),
        Row(S.SUSPENDED, M.START, P, S.STARTED, FIGURE, cases("TP:01-04", "TP_C:01-04")),
        Row(S.SUSPENDED, M.TERMINATION, C, S.TERMINATED, FIGURE, cases("TP:02-03", "TP_C:02-03")),
        Row(S.SUSPENDED, M.TERMINATION, P, S.TERMINATED, FIGURE, cases("TP:01-03", "TP_C:01-03")),
    ),
)
