"""The hinge losses of critic and generator (Lim and Ye 2017, "Geometric GAN")."""

from torch import Tensor


def critic_hinge(real: Tensor, made: Tensor) -> Tensor:
    """What the critic makes small: 0 where it says at least 1 to real pictures and at most -1 to made ones.

    Args:
        real: The critic's answers to photographs, any shape.
        made: Its answers to colored pictures, any shape.

    Returns:
        Scalar; 2 for a critic that answers 0 to everything.
    """
    return (1 - real).clamp_min(0).mean() + (1 + made).clamp_min(0).mean()


def generator_hinge(made: Tensor) -> Tensor:
    """What the generator makes small: the critic's mean answer to its pictures, negated."""
    return -made.mean()
