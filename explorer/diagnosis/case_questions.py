"""The gallery's questions about the fault cases: why each wrong answer is wrong, and what would fix the network."""

from collections.abc import Mapping
from dataclasses import dataclass

from explorer.diagnosis.fault_cases import CASES


@dataclass(frozen=True)
class Choice:
    """One answer of the second question, and why it is right or wrong."""

    text: str
    why: str


@dataclass(frozen=True)
class Questions:
    """What the gallery asks about a case beside its first question.

    `wrong` has a sentence for each wrong answer of the first question, by the answer's index. `second` is asked after
    the network is trained; the first of its `choices` is the case's own change, and the page draws them in an order of
    its own.
    """

    wrong: Mapping[int, str]
    second: str
    choices: tuple[Choice, ...]


_FIX = "What would fix it?"
_CHANGE = "What happens if one thing is changed?"

QUESTIONS: dict[str, Questions] = {
    "sigmoid": Questions(
        {
            0: "A gradient grows only if the factors on its way are above 1; the slope of the sigmoid is at most 1/4.",
            2: "Glorot weights keep the size of the values on the way forward. They assume a slope near 1, as tanh has "
            "at 0.",
        },
        _FIX,
        (
            Choice("ELU instead of sigmoid", "For positive inputs its slope is 1, so the gradient keeps its size."),
            Choice(
                "A ten times higher learning rate",
                "The last layers would take steps that are too large, and the first would still receive nothing.",
            ),
            Choice("More epochs", "Hundreds of epochs of almost no gradient change almost nothing."),
        ),
    ),
    "zeros": Questions(
        {
            0: "To learn slowly, there has to be a gradient. With zero weights there is none in the hidden layers.",
            1: "That is what happens if all weights start at the same value other than 0.",
        },
        _FIX,
        (
            Choice("Random initial weights (He normal)", "They make the units different from the first step on."),
            Choice("A wider network", "More units that are all alike are no better than a few."),
            Choice("A higher learning rate", "Any rate times a gradient of zero is zero."),
        ),
    ),
    "dying_relu": Questions(
        {
            1: "Outputs can grow, but here the weighted sums become negative, and ReLU turns those into 0.",
            2: "A unit that outputs 0 for every image has no gradient that could bring it back.",
        },
        _FIX,
        (
            Choice("A learning rate of 0.001", "Smaller steps do not push units to where they are always off."),
            Choice("Twice as many units", "The new units die in the same way."),
            Choice("More epochs", "Dead units receive no gradient, however long the training lasts."),
        ),
    ),
    "rate_too_high": Questions(
        {
            0: "Only as long as steps stay in the valley. Beyond some size they jump from one side to the other.",
            2: "That takes far larger steps: Nadam divides each step by the size of recent gradients.",
        },
        _FIX,
        (
            Choice("A learning rate of 0.001", "Steps of a tenth of a percent of the weights follow the valley."),
            Choice("More epochs", "The loss keeps jumping as long as the steps are too large."),
            Choice("More layers", "A deeper network needs even smaller steps."),
        ),
    ),
    "rate_too_low": Questions(
        {
            1: "Noise is relative to the steps: where steps are tiny, the curves are smooth.",
            2: "Ten thousand times smaller steps take about ten thousand times as many epochs.",
        },
        _FIX,
        (
            Choice("A learning rate of 0.001", "Nadam's usual rate; each step changes the weights noticeably."),
            Choice("Batch normalization", "It changes the scale of the values, but the steps stay just as tiny."),
            Choice("A wider network", "The number of units does not change the size of a step."),
        ),
    ),
    "nan": Questions(
        {
            0: "The loss stays at chance level if nothing is learned. Here the weights change far too much.",
            1: "Large steps are fast only while each of them goes downhill.",
        },
        _FIX,
        (
            Choice("A learning rate of 0.05", "Each step now ends lower than it began."),
            Choice("Sigmoid instead of ReLU", "Bounded outputs hide the overflow, but the steps are just as wild."),
            Choice("Smaller batches", "They make the gradient noisier, and the steps no smaller."),
        ),
    ),
    "exploding": Questions(
        {
            0: "It does keep the size of the values on the way forward. On the way back, the same division enlarges "
            "the gradient.",
            1: "That is true of sigmoid layers without batch normalization. Here the factor per layer is above 1.",
        },
        _FIX,
        (
            Choice(
                "Skip connections around every two layers",
                "Most of the gradient goes around the layers, and nothing multiplies it.",
            ),
            Choice(
                "Clipping the gradient to a norm of 1",
                "The loss stays lower, but almost all of the clipped gradient belongs to the first layers, and the "
                "network does not learn.",
            ),
            Choice(
                "Different initial weights",
                "Batch normalization makes the gradient's growth independent of their size.",
            ),
        ),
    ),
    "selu_he": Questions(
        {
            0: "The correction works only near the weights it was derived for: variance 1 / inputs (LeCun).",
            2: "He weights are larger than LeCun weights, not smaller.",
        },
        _FIX,
        (
            Choice("LeCun weights", "SELU's constants are derived for their variance."),
            Choice(
                "Glorot weights",
                "For layers of equal width their variance is LeCun's, so this works here as well, "
                "but not where widths differ.",
            ),
            Choice("A lower learning rate", "The variance is already wrong before the first step."),
        ),
    ),
    "selu_good": Questions(
        {
            0: "Batch normalization is one way to keep the variance near 1. SELU with LeCun weights is another.",
            2: "The gradient keeps its size through all layers, so the first ones learn as well.",
        },
        _CHANGE,
        (
            Choice(
                "Raw pixels: the first layers start far off, later ones recover",
                "SELU pulls the variance back towards 1 over several layers.",
            ),
            Choice(
                "Raw pixels: the network learns nothing",
                "Self-normalization brings the values back after a few layers.",
            ),
            Choice("Raw pixels: nothing changes", "The first layers see values far from mean 0 and variance 1."),
        ),
    ),
    "sigmoid_batch_norm": Questions(
        {
            0: "The slope is the same, but batch normalization multiplies the gradient by what each layer lost.",
            2: "A higher rate alone does not reach the first layers: their gradient is a billion times smaller.",
        },
        _CHANGE,
        (
            Choice("Without batch normalization: it learns nothing", "Twenty slopes of at most 1/4 multiply."),
            Choice("Without batch normalization: it learns, only more slowly", "The first layers receive no gradient."),
            Choice("Without batch normalization: it diverges", "A vanishing gradient makes no large steps."),
        ),
    ),
    "random_normal": Questions(
        {
            1: "0.05 is below what a width of 100 needs, so the values become smaller.",
            2: "Random is not enough: the spread has to fit the number of inputs.",
        },
        _FIX,
        (
            Choice("He weights", "Their standard deviation, √(2 / inputs), is made for ReLU."),
            Choice(
                "A higher learning rate",
                "The first layers receive a gradient that is about a billion times too small, whatever the rate.",
            ),
            Choice("Narrower layers", "Fewer inputs make the sums even smaller."),
        ),
    ),
    "raw_pixels": Questions(
        {
            1: "They would, if the first steps did not destroy them.",
            2: "Larger inputs make larger gradients, and the step soon overshoots.",
        },
        _FIX,
        (
            Choice("Standardized inputs", "Initializers and rates are made for mean 0 and variance 1."),
            Choice("A higher learning rate", "The steps are already too large."),
            Choice("More layers", "The scale of the inputs passes through all of them."),
        ),
    ),
    "saturated": Questions(
        {
            0: "Bounded outputs do not bound the weights, and large weights make tanh flat.",
            2: "Large weights push the outputs away from 0.",
        },
        _FIX,
        (
            Choice("A learning rate of 0.001", "Small steps keep the weighted sums where tanh has a slope."),
            Choice("Sigmoid instead of tanh", "It is flat in the same places, and its slope is smaller."),
            Choice("More epochs", "Saturated units hardly change any more."),
        ),
    ),
    "tiny_batches": Questions(
        {
            0: "There are more updates, but each of them sees distorted values.",
            1: "The mean may be right on average; the network is trained with the noise of each batch.",
        },
        _FIX,
        (
            Choice("Batches of 32 images", "Thirty-two images give a usable mean and variance."),
            Choice("A higher learning rate", "It adds more noise to what is too noisy."),
            Choice("More layers", "Each adds another noisy normalization."),
        ),
    ),
    "too_small": Questions(
        {
            0: "It does not even fit the images that it has.",
            2: "A higher rate reaches the same limit sooner: two numbers for ten classes.",
        },
        _FIX,
        (
            Choice("64 units", "Enough room for ten classes."),
            Choice("More epochs", "The training loss is level already."),
            Choice("Dropout", "It would make a network that is too small even smaller."),
        ),
    ),
    "overfitting": Questions(
        {
            0: "The training loss does. The validation images are not memorized.",
            2: "The training loss is what training lowers; it has no reason to rise.",
        },
        "What saves time here without losing accuracy?",
        (
            Choice(
                "Early stopping with a patience of 3",
                "It ends soon after the rise begins, with the same weights saved.",
            ),
            Choice("More units", "A larger network memorizes even faster."),
            Choice("More epochs", "The best epoch is long past."),
        ),
    ),
    "impatient": Questions(
        {
            0: "It saves time, and here it costs accuracy: the network was still learning.",
            2: "Nothing was overfitted yet.",
        },
        _FIX,
        (
            Choice("A patience of 10", "A random rise no longer ends the run."),
            Choice("A higher learning rate", "The validation loss would fluctuate even more."),
            Choice("Fewer epochs", "The run ends too early as it is."),
        ),
    ),
    "l2": Questions(
        {
            0: "A penalty helps against overfitting while it is a small part of the loss. This one is most of it.",
            2: "It is, but training lowers the sum of both, and smaller weights lower the penalty.",
        },
        _FIX,
        (
            Choice("A penalty of 0.0001", "Then almost all of the loss is about the images."),
            Choice("A higher learning rate", "The weights would shrink all the sooner."),
            Choice("Batch normalization", "The outputs keep their size, but the weights still shrink to nothing."),
        ),
    ),
    "dropout": Questions(
        {
            0: "That is true of 10 or 20% in five layers: more than half, or about a third, of the signal is left.",
            1: "To memorize images, a network must see them; here it mostly sees noise.",
        },
        _FIX,
        (
            Choice("A dropout rate of 0.1", "Five layers then leave 0.9⁵ of the signal, more than half."),
            Choice("A lower learning rate", "The noise stays as it is, however short the steps are."),
            Choice("More epochs", "The units that receive only noise soon die, and more epochs do not revive them."),
        ),
    ),
    "clipping": Questions(
        {
            0: "Clipping smooths only if it acts now and then. Here it acts in every step.",
            2: "It scales the whole gradient, so the direction stays the same.",
        },
        _FIX,
        (
            Choice("No clipping", "The learning rate and the gradient alone then set the length of a step."),
            Choice("A lower learning rate", "The steps would be shorter still."),
            Choice("Standardized inputs", "They are standardized already, and the gradient has an ordinary size."),
        ),
    ),
    "schedule": Questions(
        {
            1: "Small steps help at the end, when little is left to learn. Here they come after the second epoch.",
            2: "The first epochs have ordinary steps, and what they have learned stays.",
        },
        _FIX,
        (
            Choice("A rate that falls over 24 epochs", "The steps stay long enough for all twelve epochs."),
            Choice("More layers", "A larger network would stop moving just as soon."),
            Choice("More epochs", "They would add steps of a millionth and less."),
        ),
    ),
    "giant_batch": Questions(
        {
            0: "The direction of a small batch is good enough, and many good steps lead further than an exact one.",
            1: "A network learns by steps. Seeing the images in one step instead of forty-five means less learning.",
        },
        _FIX,
        (
            Choice("Batches of 32 images", "An epoch then has forty-five steps instead of one."),
            Choice("Batch normalization", "Nothing is wrong inside the network; it has only taken ten steps."),
            Choice("Fewer layers", "Ten steps are few for any network."),
        ),
    ),
    "linear": Questions(
        {
            0: "More weights do not help if the product of all matrices is one matrix.",
            1: "Without an activation the slope is 1, so the gradient does not vanish.",
        },
        _FIX,
        (
            Choice("ELU between the layers", "A nonlinear activation makes each layer add something."),
            Choice("Wider layers", "The product is a matrix of the same size, whatever the widths in between."),
            Choice("More layers", "One more matrix changes nothing."),
        ),
    ),
}

if missing := {
    name
    for name, case in CASES.items()
    if name not in QUESTIONS or set(QUESTIONS[name].wrong) | {case.right} != set(range(len(case.answers)))
}:
    raise TypeError(f"these fault cases lack an explained answer or a second question: {', '.join(sorted(missing))}")
