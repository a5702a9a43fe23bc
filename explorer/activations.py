"""The table of activation functions for hidden layers, with what settings, layer statistics and findings need to know.

One row adds an activation.
"""

import math
from dataclasses import dataclass
from enum import Enum

HE, GLOROT, LECUN = "he_normal", "glorot_normal", "lecun_normal"

# tanh, sigmoid and softsign: the last hundredth of the outputs before each limit
_TANH, _SIGMOID, _SOFTSIGN = math.atanh(0.99), math.log(99), 99.0


class Family(Enum):
    """The shape of an activation function, on which rules and suggestions depend."""

    LINEAR = "the identity"
    RECTIFIER = "0 for negative inputs, else the input itself"
    LINEAR_UNIT = "close to the input for large ones, but not 0 for all negative ones"
    SELF_NORMALIZING = "a linear unit scaled so that layers keep mean 0 and variance 1"
    BOUNDED = "between a lower and an upper limit"


@dataclass(frozen=True)
class Activation:
    """An activation function under its Keras name.

    `initializer` preserves the size of the signal from layer to layer (Glorot & Bengio 2010, He et al. 2015, Klambauer
    et al. 2017). For inputs of at most `flat_below` or at least `flat_above`, the absolute slope is below 0.01 (ReLU:
    0). A `squashing` function has a slope below 1 everywhere but at 0.
    """

    name: str
    title: str
    family: Family
    initializer: str
    flat_below: float
    flat_above: float
    squashing: bool

    @property
    def linear(self) -> bool:
        """Whether it changes nothing."""
        return self.family is Family.LINEAR

    @property
    def rectifier(self) -> bool:
        """Whether it is 0 for all negative inputs, so that units can die."""
        return self.family is Family.RECTIFIER

    @property
    def self_normalizing(self) -> bool:
        """Whether layers keep mean 0 and variance 1, given its initializer, standardized inputs and alpha dropout."""
        return self.family is Family.SELF_NORMALIZING

    @property
    def bounded(self) -> bool:
        """Whether it has an upper and a lower limit."""
        return self.family is Family.BOUNDED


_ALL = (
    Activation("elu", "ELU", Family.LINEAR_UNIT, HE, math.log(0.01), math.inf, squashing=False),
    Activation("selu", "SELU", Family.SELF_NORMALIZING, LECUN, math.log(0.01 / 1.7581), math.inf, squashing=False),
    Activation("relu", "ReLU", Family.RECTIFIER, HE, 0.0, math.inf, squashing=False),
    Activation("leaky_relu", "Leaky ReLU", Family.LINEAR_UNIT, HE, -math.inf, math.inf, squashing=False),
    Activation("gelu", "GELU", Family.LINEAR_UNIT, HE, -3.07, math.inf, squashing=False),
    Activation("silu", "SiLU", Family.LINEAR_UNIT, HE, -6.27, math.inf, squashing=False),
    Activation("mish", "Mish", Family.LINEAR_UNIT, HE, -6.26, math.inf, squashing=False),
    Activation("tanh", "tanh", Family.BOUNDED, GLOROT, -_TANH, _TANH, squashing=True),
    Activation("sigmoid", "Sigmoid", Family.BOUNDED, GLOROT, -_SIGMOID, _SIGMOID, squashing=True),
    Activation("softplus", "Softplus", Family.LINEAR_UNIT, GLOROT, -_SIGMOID, math.inf, squashing=True),
    Activation("softsign", "Softsign", Family.BOUNDED, GLOROT, -_SOFTSIGN, _SOFTSIGN, squashing=True),
    Activation("linear", "None (linear)", Family.LINEAR, GLOROT, -math.inf, math.inf, squashing=False),
)
ACTIVATIONS: dict[str, Activation] = {activation.name: activation for activation in _ALL}
