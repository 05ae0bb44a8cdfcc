"""FID's formula on given features (Heusel et al. 2017): distance of two sets of pictures as a network sees them.

The network is the caller's: three that do not compare with each other are in use, and none is shipped.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Doubles = npt.NDArray[np.float64]
# Makes a singular covariance invertible.
_RIDGE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureStatistics:
    """Mean and covariance of a set's features."""

    mean: _Doubles
    """(D,)."""
    covariance: _Doubles
    """(D, D), divided by the count less one."""
    count: int

    @classmethod
    def of(cls, features: npt.NDArray[np.floating]) -> "FeatureStatistics":
        """Of (N, D) features, N at least 2; one row is a picture."""
        values = np.asarray(features, np.float64)
        if values.ndim != 2 or len(values) < 2:
            raise ValueError(f"features are {values.shape}, expected (N, D) with N of at least 2")
        return cls(mean=values.mean(axis=0), covariance=np.atleast_2d(np.cov(values.T)), count=len(values))

    @property
    def is_small_sample(self) -> bool:
        """Too few pictures for a regular covariance: values compare only with others of the same counts."""
        return self.count <= len(self.mean)


def frechet_distance(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """|m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)); state the network, and `is_small_sample`, beside it.

    Returns:
        0 or more; lower is closer. Small samples get 1e-6 added to the diagonals of their covariances.
    """
    first_covariance, second_covariance = _regular(first), _regular(second)
    # Tr (S1 S2)^(1/2) is that of the symmetric R S2 R with R R = S1, which stays real.
    values, vectors = np.linalg.eigh(first_covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    crossed = np.linalg.eigvalsh(root @ second_covariance @ root)
    cross = np.sqrt(np.maximum(crossed, 0)).sum()
    offset = np.square(first.mean - second.mean).sum()
    distance = offset + np.trace(first_covariance) + np.trace(second_covariance) - 2 * cross
    return max(float(distance), 0.0)


def _regular(statistics: FeatureStatistics) -> _Doubles:
    if not statistics.is_small_sample:
        return statistics.covariance
    return np.asarray(statistics.covariance + _RIDGE * np.eye(len(statistics.mean)))
