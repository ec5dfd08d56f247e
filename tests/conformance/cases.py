"""The 65 active cases of the Dataspace Protocol conformance suite, and which dataset or agreement each is about."""

from connector.protocol.machine import cases

CONNECTOR_IS_PROVIDER = cases("CN:01-01..04", "CN:02-01..07", "CN:03-01..04")
CONNECTOR_IS_CONSUMER = cases("CN_C:01-01..04", "CN_C:02-01..06", "CN_C:03-01..06")
# TP:02-04 and TP_C:02-04 are disabled in the suite itself.
PROVIDER_TRANSFERS = cases("TP:01-01..05", "TP:02-01..03", "TP:02-05", "TP:03-01..06")
CONSUMER_TRANSFERS = cases("TP_C:01-01..05", "TP_C:02-01..03", "TP_C:02-05", "TP_C:03-01..06")
CATALOGUE = cases("MET:01-01", "CAT:01-01..03")

CASES = (*CATALOGUE, *CONNECTOR_IS_PROVIDER, *CONNECTOR_IS_CONSUMER, *PROVIDER_TRANSFERS, *CONSUMER_TRANSFERS)

# CAT:01-03 asks for a dataset that nobody has.
UNKNOWN_DATASET = "CAT0103"


def subject(case: str) -> str:
    """The dataset (CAT, CN, CN_C) or agreement (TP, TP_C) of a case: `CN_C:01-02` is about `ACNC0102`."""
    group, _, number = case.partition(":")
    letter = "" if group in {"CAT", "MET"} else "A"
    return letter + group.replace("_", "") + number.replace("-", "")


def test_name(case: str) -> str:
    """A case as part of an identifier: `CN_C_01_02`."""
    return case.replace(":", "_").replace("-", "_")
