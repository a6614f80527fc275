"""Empirical risk minimisation: plain training, which a rare class has every reason to fear."""

from counterpoise.methods.gradient import GradientMethod


class ERM(GradientMethod):
    """Plain training with cross-entropy: every hook at its default."""

    summary = "plain training, every row counts the same"
