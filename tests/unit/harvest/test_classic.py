"""Whatever is in a file, the length check answers or says that the header is damaged."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.harvest.classic import missing_bytes


def words(numbers: list[int]) -> bytes:
    """Big-endian 32-bit words: what a header is made of, so that some of it parses."""
    return b"".join(number.to_bytes(4, "big") for number in numbers)


@settings(max_examples=300, deadline=None)
@given(version=st.sampled_from([1, 2, 5, 7]), rest=st.binary(max_size=200) | st.lists(st.integers(0, 12)).map(words))
def test_random_bytes_behind_the_magic_number_give_a_length_or_a_value_error(version: int, rest: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        path.write_bytes(b"CDF" + bytes([version]) + rest)
        try:
            assert missing_bytes(path) >= 0
        except ValueError:
            return
