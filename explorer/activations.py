"""The table of activation functions for hidden layers, with what settings, layer statistics and findings need to know.

One row adds an activation.
"""

import math
from dataclasses import dataclass

HE, GLOROT, LECUN = "he_normal", "glorot_normal", "lecun_normal"

# tanh, sigmoid and softsign: the last hundredth of the outputs before each limit
_TANH, _SIGMOID, _SOFTSIGN = math.atanh(0.99), math.log(99), 99.0


@dataclass(frozen=True)
class Activation:
    """An activation function under its Keras name.

    `initializer` preserves the size of the signal from layer to layer (Glorot & Bengio 2010, He et al. 2015, Klambauer
    et al. 2017). For inputs of at most `flat_below` or at least `flat_above`, the absolute slope is below 0.01 (ReLU:
    0). A `bounded` function has an upper and a lower limit; a `squashing` one has a slope below 1 everywhere but at 0.
    """

    name: str
    title: str
    initializer: str
    flat_below: float
    flat_above: float
    bounded: bool = False
    squashing: bool = False


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("elu", "ELU", HE, math.log(0.01), math.inf),
        Activation("selu", "SELU", LECUN, math.log(0.01 / 1.7581), math.inf),
        Activation("relu", "ReLU", HE, 0.0, math.inf),
        Activation("leaky_relu", "Leaky ReLU", HE, -math.inf, math.inf),
        Activation("gelu", "GELU", HE, -3.07, math.inf),
        Activation("silu", "SiLU", HE, -6.27, math.inf),
        Activation("mish", "Mish", HE, -6.26, math.inf),
        Activation("tanh", "tanh", GLOROT, -_TANH, _TANH, bounded=True, squashing=True),
        Activation("sigmoid", "Sigmoid", GLOROT, -_SIGMOID, _SIGMOID, bounded=True, squashing=True),
        Activation("softplus", "Softplus", GLOROT, -_SIGMOID, math.inf, squashing=True),
        Activation("softsign", "Softsign", GLOROT, -_SOFTSIGN, _SOFTSIGN, bounded=True, squashing=True),
        Activation("linear", "None (linear)", GLOROT, -math.inf, math.inf),
    )
}
