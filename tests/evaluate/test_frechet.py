"""FID's formula on given features."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videocolor.evaluate.frechet import FeatureStatistics, frechet_distance


def statistics(mean, diagonal, count=10_000):
    return FeatureStatistics(mean=np.array(mean, float), covariance=np.diag(np.array(diagonal, float)), count=count)


def test_worked_example():
    assert pytest.approx(5.0) == frechet_distance(statistics((3, 0), (4, 1)), statistics((1, 0), (9, 1)))


def test_one_dimension_in_closed_form():
    """(m1 - m2)^2 + (s1 - s2)^2 for two normal distributions, with the sample's deviation (ddof 1)."""
    first, second = np.array([[0.0], [2], [4]]), np.array([[1.0], [2], [9]])
    wanted = (first.mean() - second.mean()) ** 2 + (first.std(ddof=1) - second.std(ddof=1)) ** 2

    value = frechet_distance(FeatureStatistics.of(first), FeatureStatistics.of(second))

    assert pytest.approx(wanted) == value


def test_covariances_that_do_not_commute():
    """Against the eigenvalues of the plain product, whose roots are what the formula asks for."""
    rng = np.random.default_rng(0)
    first, second = (FeatureStatistics.of(rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6))) for _ in range(2))
    roots = np.sqrt(np.linalg.eigvals(first.covariance @ second.covariance).real).sum()
    offset = np.square(first.mean - second.mean).sum()
    wanted = offset + np.trace(first.covariance) + np.trace(second.covariance) - 2 * roots

    assert pytest.approx(wanted) == frechet_distance(first, second)


@given(st.integers(0, 2**31))
def test_a_set_against_itself_and_both_orders(seed):
    rng = np.random.default_rng(seed)
    first, second = (FeatureStatistics.of(rng.normal(size=(20, 4))) for _ in range(2))

    assert pytest.approx(0, abs=1e-9) == frechet_distance(first, first)
    assert pytest.approx(frechet_distance(first, second), abs=1e-9) == frechet_distance(second, first)


def test_small_samples_are_marked_and_made_regular():
    """Three pictures have no regular covariance of five features: 1e-6 on the diagonal."""
    rng = np.random.default_rng(0)
    small, large = FeatureStatistics.of(rng.normal(size=(3, 5))), FeatureStatistics.of(rng.normal(size=(6, 5)))

    assert small.is_small_sample
    assert not large.is_small_sample
    assert np.isfinite(frechet_distance(small, small))
    zero = statistics((0, 0), (0, 0), count=2)
    assert pytest.approx(1 + 1 + 2e-6 - 4e-3, abs=1e-9) == frechet_distance(zero, statistics((0, 0), (1, 1)))


def test_one_picture_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2"):
        FeatureStatistics.of(np.zeros((1, 5)))
