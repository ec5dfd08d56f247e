"""The suite's 61 scenarios of negotiation and transfer, from the other side.

Each is a list of what the scripted peer does, in order:

    asks WORD       it sends the first message, and is answered 201 with state REQUESTED
    is asked WORD   it has the connector begin (the trigger), and takes its first message
    says WORD       it sends a message, and is answered 2xx
    hears WORD      it takes the connector's message; until then that message has no answer
    fails to say WORD   it sends a message, and is answered 4xx, but not 404
    sees STATE      it reads this state at the connector
"""

from collections.abc import Mapping

_HEARS_OFFER = "asks request, hears offer, sees OFFERED, "
_HEARS_AGREEMENT = "asks request, hears agreement, sees AGREED, "
_MAKES_OFFER = "is asked request, sees REQUESTED, says offer, "
_MAKES_AGREEMENT = "is asked request, sees REQUESTED, says agreement, "
_HEARS_START = "asks request, hears start, sees STARTED, "
_STARTS = "is asked request, sees REQUESTED, says start, "

SCENARIOS: Mapping[str, str] = {
    # The connector is the provider of a negotiation.
    "CN:01-01": _HEARS_OFFER + "says termination, sees TERMINATED",
    "CN:01-02": _HEARS_OFFER + "says request, hears termination, sees TERMINATED",
    "CN:01-03": _HEARS_OFFER + "says acceptance, sees ACCEPTED, hears agreement, sees AGREED, says verification, "
    "sees VERIFIED, hears finalization, sees FINALIZED",
    "CN:01-04": _HEARS_AGREEMENT + "says verification, sees VERIFIED, hears finalization, sees FINALIZED",
    "CN:02-01": "asks request, sees REQUESTED, hears termination, sees TERMINATED",
    "CN:02-02": "asks request, sees REQUESTED, says termination, sees TERMINATED",
    "CN:02-03": _HEARS_AGREEMENT + "says termination, sees TERMINATED",
    "CN:02-04": _HEARS_OFFER + "says termination, sees TERMINATED",
    "CN:02-05": _HEARS_OFFER + "hears termination, sees TERMINATED",
    "CN:02-06": _HEARS_OFFER + "says acceptance, sees ACCEPTED, hears termination, sees TERMINATED",
    "CN:02-07": _HEARS_AGREEMENT + "says verification, sees VERIFIED, hears termination, sees TERMINATED",
    "CN:03-01": _HEARS_AGREEMENT + "says verification, hears finalization, sees FINALIZED, "
    "fails to say termination, sees FINALIZED",
    "CN:03-02": _HEARS_OFFER + "fails to say verification, sees OFFERED",
    "CN:03-03": _HEARS_OFFER + "says acceptance, sees ACCEPTED, fails to say verification, sees ACCEPTED",
    "CN:03-04": _HEARS_OFFER + "says request, sees REQUESTED, fails to say request, sees REQUESTED",
    # The connector is the consumer of a negotiation.
    "CN_C:01-01": _MAKES_OFFER + "hears acceptance, sees ACCEPTED, says agreement, hears verification, sees VERIFIED, "
    "says finalization, sees FINALIZED",
    "CN_C:01-02": _MAKES_OFFER + "sees OFFERED, hears request, sees REQUESTED, says termination, sees TERMINATED",
    "CN_C:01-03": _MAKES_OFFER + "sees OFFERED, hears termination, sees TERMINATED",
    "CN_C:01-04": _MAKES_AGREEMENT + "sees AGREED, hears verification, sees VERIFIED, says finalization, "
    "sees FINALIZED",
    "CN_C:02-01": "is asked request, sees REQUESTED, says termination, sees TERMINATED",
    "CN_C:02-02": "is asked request, sees REQUESTED, hears termination, sees TERMINATED",
    "CN_C:02-03": _MAKES_AGREEMENT + "sees AGREED, hears termination, sees TERMINATED",
    "CN_C:02-04": _MAKES_OFFER + "sees OFFERED, says termination, sees TERMINATED",
    "CN_C:02-05": _MAKES_OFFER + "hears acceptance, sees ACCEPTED, says termination, sees TERMINATED",
    "CN_C:02-06": _MAKES_AGREEMENT + "hears verification, sees VERIFIED, says termination, sees TERMINATED",
    "CN_C:03-01": "is asked request, fails to say finalization, sees REQUESTED",
    "CN_C:03-02": _MAKES_OFFER + "sees OFFERED, fails to say agreement, sees OFFERED",
    "CN_C:03-03": _MAKES_OFFER + "sees OFFERED, fails to say finalization, sees OFFERED",
    "CN_C:03-04": _MAKES_OFFER + "hears acceptance, sees ACCEPTED, fails to say finalization, sees ACCEPTED",
    "CN_C:03-05": _MAKES_OFFER + "hears acceptance, sees ACCEPTED, fails to say offer, sees ACCEPTED",
    "CN_C:03-06": _MAKES_OFFER + "hears acceptance, sees ACCEPTED, says agreement, sees AGREED, "
    "fails to say finalization, sees AGREED",
    # The connector is the provider of a transfer.
    "TP:01-01": _HEARS_START + "hears termination, sees TERMINATED",
    "TP:01-02": _HEARS_START + "hears completion, sees COMPLETED",
    "TP:01-03": _HEARS_START + "hears suspension, sees SUSPENDED, hears termination, sees TERMINATED",
    "TP:01-04": _HEARS_START + "hears suspension, sees SUSPENDED, hears start, sees STARTED, hears completion, "
    "sees COMPLETED",
    "TP:01-05": "asks request, sees REQUESTED, hears termination, sees TERMINATED",
    "TP:02-01": _HEARS_START + "says termination, sees TERMINATED",
    "TP:02-02": _HEARS_START + "says completion, sees COMPLETED",
    "TP:02-03": _HEARS_START + "says suspension, sees SUSPENDED, says termination, sees TERMINATED",
    "TP:02-05": "asks request, sees REQUESTED, says termination, sees TERMINATED",
    "TP:03-01": "asks request, fails to say completion, sees REQUESTED",
    "TP:03-02": "asks request, fails to say suspension, sees REQUESTED",
    "TP:03-03": _HEARS_START + "says suspension, sees SUSPENDED, fails to say completion, sees SUSPENDED",
    "TP:03-04": _HEARS_START + "says termination, sees TERMINATED, fails to say start, sees TERMINATED",
    "TP:03-05": _HEARS_START + "says termination, sees TERMINATED, fails to say suspension, sees TERMINATED",
    "TP:03-06": _HEARS_START + "says termination, sees TERMINATED, fails to say completion, sees TERMINATED",
    # The connector is the consumer of a transfer.
    "TP_C:01-01": _STARTS + "sees STARTED, says termination, sees TERMINATED",
    "TP_C:01-02": _STARTS + "sees STARTED, says completion, sees COMPLETED",
    "TP_C:01-03": _STARTS + "sees STARTED, says suspension, sees SUSPENDED, says termination, sees TERMINATED",
    "TP_C:01-04": _STARTS + "sees STARTED, says suspension, sees SUSPENDED, says start, sees STARTED, says completion, "
    "sees COMPLETED",
    "TP_C:01-05": "is asked request, sees REQUESTED, says termination, sees TERMINATED",
    "TP_C:02-01": _STARTS + "sees STARTED, hears termination, sees TERMINATED",
    "TP_C:02-02": _STARTS + "sees STARTED, hears completion, sees COMPLETED",
    "TP_C:02-03": _STARTS + "sees STARTED, hears suspension, sees SUSPENDED, hears termination, sees TERMINATED",
    "TP_C:02-05": "is asked request, sees REQUESTED, hears termination, sees TERMINATED",
    "TP_C:03-01": "is asked request, fails to say completion, sees REQUESTED",
    "TP_C:03-02": "is asked request, fails to say suspension, sees REQUESTED",
    "TP_C:03-03": _STARTS + "says suspension, sees SUSPENDED, fails to say completion, sees SUSPENDED",
    "TP_C:03-04": _STARTS + "says termination, sees TERMINATED, fails to say start, sees TERMINATED",
    "TP_C:03-05": _STARTS + "says termination, sees TERMINATED, fails to say suspension, sees TERMINATED",
    "TP_C:03-06": _STARTS + "says termination, sees TERMINATED, fails to say completion, sees TERMINATED",
}


def steps_of(case: str) -> list[tuple[str, str]]:
    """What the peer does in a case: (deed, word)."""
    steps = [step.strip().rpartition(" ") for step in SCENARIOS[case].split(",")]
    return [(deed, word) for deed, _, word in steps]
