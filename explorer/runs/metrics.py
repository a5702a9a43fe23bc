"""The metrics of a run: their titles, which direction is better, and how their values are written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric with its title; `share` says that it is from 0 to 1 and written in per cent.

    `axis` and `exact` are formats of Vega for axes, and for values.
    """

    name: str
    title: str
    higher_is_better: bool
    share: bool

    @property
    def validation(self) -> str:
        """The name of the metric on the validation images, such as `val_loss`."""
        return f"val_{self.name}"

    @property
    def validation_title(self) -> str:
        """The title of the metric on the validation images, such as "Validation loss"."""
        return f"Validation {self.name}"

    @property
    def selected_by(self) -> str:
        """The words of the rule that selects the best epoch, such as "lowest validation loss"."""
        return f"{'highest' if self.higher_is_better else 'lowest'} validation {self.name}"

    @property
    def direction(self) -> str:
        """The direction in Optuna's words."""
        return "maximize" if self.higher_is_better else "minimize"

    @property
    def axis(self) -> str:
        """Format of the labels of an axis, never with an exponent, such as 1e+2 for 100."""
        return "~%" if self.share else "~r"

    @property
    def exact(self) -> str:
        """Format with all digits that mean something."""
        return ".2%" if self.share else ".4f"

    def better(self, value: float, other: float) -> bool:
        """Whether a value is better than another."""
        return value > other if self.higher_is_better else value < other

    def text(self, value: float) -> str:
        """A value, such as "46.82%" or "1.5207"."""
        return f"{value:{self.exact}}"

    def difference(self, value: float) -> str:
        """The size of a difference, such as "1.20 points" or "0.0312"."""
        return f"{100 * abs(value):.2f} points" if self.share else f"{abs(value):.4f}"

    def signed(self, value: float) -> str:
        """A difference with its sign and without a unit."""
        return (f"{100 * value:+.2f}" if self.share else f"{value:+.4f}").replace("-", "−")


METRICS = {
    metric.name: metric
    for metric in (
        Metric("loss", "Loss (cross-entropy)", higher_is_better=False, share=False),
        Metric("accuracy", "Accuracy", higher_is_better=True, share=True),
    )
}
# what runs are selected, ranked and optimized by, under the name on the validation images
OBJECTIVES = {metric.validation: metric for metric in METRICS.values()}


def is_penalized(penalty: float | None) -> bool:
    """Whether a loss includes this penalty: it is not 0, and was recorded."""
    return penalty is not None and abs(penalty) > 0  # NaN where an earlier version did not record it
