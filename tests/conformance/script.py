"""What the connector does in each case of the suite, where that is not what it would do of its own accord.

Nothing in a message tells which case is running, so the behaviour hangs on the dataset or the agreement. What is not
said here is the connector's own decision: it agrees, verifies, finalizes, accepts and starts as always.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.exchange.model import Process
from tests.conformance.cases import CASES, CONSUMER_TRANSFERS, subject

NOTHING = "nothing"


@dataclass(frozen=True)
class Script:
    """`instead`: by the word received, the word sent in place of our own decision, or NOTHING.

    `then`: what we send of our own accord, one after the other, beginning when the process is in the state `once`.
    """

    instead: Mapping[str, str] = field(default_factory=dict[str, str])
    once: str = ""
    then: tuple[str, ...] = ()


_OFFER = {"request": "offer"}

SCRIPTS: Mapping[str, Script] = {
    "CN:01-01": Script(_OFFER),
    "CN:01-02": Script({**_OFFER, "counter": "termination"}),
    "CN:01-03": Script(_OFFER),
    "CN:02-01": Script({"request": "termination"}),
    "CN:02-02": Script({"request": NOTHING}),
    "CN:02-04": Script(_OFFER),
    "CN:02-05": Script(_OFFER, once="OFFERED", then=("termination",)),
    "CN:02-06": Script({**_OFFER, "acceptance": NOTHING}, once="ACCEPTED", then=("termination",)),
    "CN:02-07": Script({"verification": "termination"}),
    "CN:03-02": Script(_OFFER),
    "CN:03-03": Script({**_OFFER, "acceptance": NOTHING}),
    "CN:03-04": Script({**_OFFER, "counter": NOTHING}),
    "CN_C:01-02": Script({"offer": "request"}),
    "CN_C:01-03": Script({"offer": "termination"}),
    "CN_C:02-02": Script(once="REQUESTED", then=("termination",)),
    "CN_C:02-03": Script({"agreement": "termination"}),
    "CN_C:02-04": Script({"offer": NOTHING}),
    "CN_C:03-02": Script({"offer": NOTHING}),
    "CN_C:03-03": Script({"offer": NOTHING}),
    "CN_C:03-06": Script({"agreement": NOTHING}),
    "TP:01-01": Script(once="STARTED", then=("termination",)),
    "TP:01-02": Script(once="STARTED", then=("completion",)),
    "TP:01-03": Script(once="STARTED", then=("suspension", "termination")),
    "TP:01-04": Script(once="STARTED", then=("suspension", "start", "completion")),
    "TP:01-05": Script({"request": "termination"}),
    "TP:02-05": Script({"request": NOTHING}),
    "TP:03-01": Script({"request": NOTHING}),
    "TP:03-02": Script({"request": NOTHING}),
    "TP_C:02-01": Script(once="STARTED", then=("termination",)),
    "TP_C:02-02": Script(once="STARTED", then=("completion",)),
    "TP_C:02-03": Script(once="STARTED", then=("suspension", "termination")),
    "TP_C:02-05": Script(once="REQUESTED", then=("termination",)),
}

# The suite's data address leads nowhere: nothing is fetched, and the suite decides when a transfer is over.
_NO_DOWNLOAD = {subject(case) for case in CONSUMER_TRANSFERS}
_BY_SUBJECT = {subject(case): SCRIPTS.get(case, Script()) for case in CASES}


def script_of(process: Process) -> Script:
    """The script of a process, by its agreement (a transfer) or its dataset (a negotiation)."""
    about = process.agreement if process.kind == "transfer" else process.offering
    return _BY_SUBJECT.get(about or "", Script())


def fetches_nothing(process: Process) -> bool:
    """Whether a start message is taken without a download."""
    return process.kind == "transfer" and process.role == "consumer" and process.agreement in _NO_DOWNLOAD
