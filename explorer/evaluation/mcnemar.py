"""McNemar's test of two models on the same images, and the interval of the difference of their accuracies."""

import math
from dataclasses import dataclass

import numpy as np

from explorer.evaluation.metrics import Z_95

SIGNIFICANT = 0.05


def mcnemar_p_value(only_a: int, only_b: int) -> float:
    """McNemar's exact test, two-sided: the probability that equally good models differ at least this much.

    `only_a` and `only_b` count the images that only one model classifies correctly. McNemar, Note on the sampling error
    of the difference between correlated proportions (1947).
    """
    from scipy.special import bdtr  # the binomial distribution of scipy.stats, whose import is slow

    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


@dataclass(frozen=True)
class Comparison:
    """How many images both models, one of them, or neither classifies correctly."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @classmethod
    def of(cls, right_a: np.ndarray, right_b: np.ndarray) -> "Comparison":
        """The counts from two boolean arrays `[N]`: whether each prediction on the same images is correct."""
        return cls(
            int((right_a & right_b).sum()),
            int((right_a & ~right_b).sum()),
            int((~right_a & right_b).sum()),
            int((~right_a & ~right_b).sum()),
        )

    @property
    def p_value(self) -> float:
        """The p-value of McNemar's exact test."""
        return mcnemar_p_value(self.only_a, self.only_b)

    @property
    def images(self) -> int:
        """The number of images."""
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def difference(self) -> float:
        """The accuracy of the second model minus that of the first, on these images."""
        return (self.only_b - self.only_a) / self.images if self.images else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the difference between the accuracies, second minus first; (-1, 1) without images.

        Wald's interval for paired proportions with one image added to each kind that only one model classifies
        correctly: Bonett & Price, Adjusted Wald confidence interval for a difference of binomial proportions based on
        paired data (2012).
        """
        if not self.images:
            return -1.0, 1.0
        a, b = ((count + 1) / (self.images + 2) for count in (self.only_a, self.only_b))
        half = Z_95 * math.sqrt((a + b - (b - a) ** 2) / (self.images + 2))
        return max(-1.0, b - a - half), min(1.0, b - a + half)

    def sentence(self, name_a: str, name_b: str, noun: str = "images") -> str:
        """The outcome in one sentence; `noun` is what the images are called."""
        differing = self.only_a + self.only_b
        if not differing:
            return f"{name_a} and {name_b} classify exactly the same {noun} correctly."
        better, worse = (name_a, name_b) if self.only_a >= self.only_b else (name_b, name_a)
        most, least = max(self.only_a, self.only_b), min(self.only_a, self.only_b)
        counted = (
            f"of the {differing:,} {noun} that only one of them classifies correctly, {better} is correct "
            f"on {most:,} and {worse} on {least:,}"
        )
        chance = f"equally good models would differ at least this much {_often(self.p_value)} (McNemar's exact test)"
        if self.p_value < SIGNIFICANT:
            return f"{better} is better than {worse} on such {noun}: {counted}; {chance}."
        return f"On these {noun} {name_a} and {name_b} do not differ significantly: {counted}; {chance}."


def _often(p_value: float) -> str:
    if p_value < 1e-4:
        return "in fewer than 1 of 10,000 cases, p < 0.0001"
    return (
        f"in {p_value:.2%} of cases, p = {p_value:.4f}"
        if p_value < 0.01
        else f"in {p_value:.0%} of cases, p = {p_value:.3f}"
    )
