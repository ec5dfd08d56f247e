import pytest

from bench.figures import percentile, spread

HUNDRED = list(range(100, 0, -1))


@pytest.mark.parametrize(
    ("samples", "percent", "expected"),
    [
        pytest.param([7.0], 50, 7.0, id="one sample is every percentile"),
        pytest.param([7.0], 95, 7.0, id="one sample is every percentile, also a high one"),
        pytest.param([3.0, 1.0, 2.0], 50, 2.0, id="the middle of three"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 50, 2.0, id="of four the second, not a mean that nobody measured"),
        pytest.param(HUNDRED, 95, 95, id="95 of a hundred"),
        pytest.param(HUNDRED, 100, 100, id="all of a hundred"),
    ],
)
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(samples, percent, expected):
    assert percentile(samples, percent) == expected


def test_a_spread_is_in_milliseconds_and_named():
    assert spread([0.010, 0.020, 0.030], "client") == {"client_p50_ms": 20.0, "client_p95_ms": 30.0}
    assert spread([0.0123456], "") == {"p50_ms": 12.35, "p95_ms": 12.35}
