"""A short page for each finding: what it looks like, why it happens, what helps, and where to read more."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """A finding's title, its page as Markdown paragraphs, the source of what it says, and the signal that shows it."""

    title: str
    text: str
    source: str
    link: str
    signal: str = ""


LESSONS: dict[str, Lesson] = {
    "vanishing": Lesson(
        "Vanishing gradients",
        """
**What you see.** The gradient shrinks by a constant factor from layer to layer towards the input: on the
logarithmic axis of *by depth* it is a straight line. The last layers learn a little, the first ones nothing.

**Why.** Backpropagation multiplies. At each layer the gradient is multiplied by the weights and by the slope of the
activation. The slope of the sigmoid is at most 1/4, so twenty of them leave less than one part in a billion.

**What helps.** An activation whose slope is near 1 for half of its inputs (ReLU, ELU, SELU), first weights whose
spread fits that activation, or batch normalization, which brings the values back to where the slope is large.
""",
        "Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010",
        "https://proceedings.mlr.press/v9/glorot10a.html",
        "gradient_rms",
    ),
    "exploding": Lesson(
        "Exploding gradients",
        """
**What you see.** Gradients that are hundreds or thousands of times as large as usual, and a first step that throws
the weights far away: the loss jumps, or becomes NaN within a few steps.

**Why.** The same product as with vanishing gradients, with factors above one: weights or inputs a little too large,
many layers. Plain gradient descent makes a step proportional to the gradient.

**What helps.** Clipping keeps the direction and limits the length of a step. Standardised inputs and fitting first
weights take away the cause; Adam and its relatives divide by the gradient's size and mind less.
""",
        "Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, 2013",
        "https://arxiv.org/abs/1211.5063",
        "gradient_rms",
    ),
    "diverged": Lesson(
        "Divergence",
        """
**What you see.** The loss rises far above the level of guessing, or becomes infinite or NaN (not a number), and
does not come back.

**Why.** In a valley, a step longer than twice the distance to its bottom ends higher than it began. There the slope
is steeper, so the next step is longer still. Numbers grow until single precision cannot hold them.

**What helps.** A learning rate ten times smaller; the range test shows the largest one that still learns. Gradient
clipping and a warm-up help where only the beginning is wild.
""",
        "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 8.2.4",
        "https://www.deeplearningbook.org/contents/optimization.html",
        "weight_norm",
    ),
    "dead": Lesson(
        "Dying ReLU",
        """
**What you see.** The share of dead units grows and never falls: units that give 0 for every image. The network
behaves like a much narrower one, or says the same for all images.

**Why.** Left of zero a ReLU gives 0 and has slope 0. If a large step makes a unit's weighted sum negative for every
image, its gradient is 0 for every image, and nothing can bring it back.

**What helps.** A smaller learning rate keeps units alive. Leaky ReLU, ELU and SELU have a slope on the left too.
""",
        "Lu, Shin, Su & Karniadakis, Dying ReLU and Initialization, 2019",
        "https://arxiv.org/abs/1903.06733",
        "dead",
    ),
    "saturated": Lesson(
        "Saturated units",
        """
**What you see.** Most values of sigmoid or tanh lie at the ends, near 0 and 1 or near −1 and 1. The histogram has
two towers and nothing between them.

**Why.** Far from zero these functions are flat. A unit there answers yes or no and has next to no gradient, so it
can hardly change its mind. Large steps, large first weights or large inputs push units there.

**What helps.** Standardised inputs, Glorot's weights, a smaller learning rate, batch normalization before the
activation.
""",
        "LeCun, Bottou, Orr & Müller, Efficient BackProp, 1998",
        "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
        "saturated",
    ),
    "symmetric": Lesson(
        "Symmetric weights",
        """
**What you see.** Accuracy at the level of guessing for ever, and gradients that are exactly 0 in nearly all layers.

**Why.** Two units with the same weights compute the same and get the same gradient, so they stay the same. If all
weights are zero, nothing passes forwards, and no gradient passes backwards.

**What helps.** Random first weights. That they differ is what makes units learn different things; how large they
are decides whether the signal survives.
""",
        "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 8.4",
        "https://www.deeplearningbook.org/contents/optimization.html",
        "gradient_rms",
    ),
    "stuck": Lesson(
        "Stuck at the level of guessing",
        """
**What you see.** Training accuracy near one in ten with ten classes, and a loss near ln 10 = 2.303, epoch after
epoch.

**Why.** Every image gets the same answer. Either what tells images apart dies out between the layers, or no
gradient reaches the weights that could change it, or the steps are far too small or too large.

**What helps.** Look at the activations by depth: if their variance dies out, it is the first weights. Then at the
gradient, then at the update ratio, which should be near 1/1,000.
""",
        "Karpathy, A Recipe for Training Neural Networks, 2019",
        "https://karpathy.github.io/2019/04/25/recipe/",
        "variance_over_images",
    ),
    "initializer": Lesson(
        "First weights that do not suit the activation",
        """
**What you see.** Before any training, the variance of the activations falls or rises by a constant factor a layer.

**Why.** A weighted sum of *n* inputs has about *n* times the variance of one. Weights of variance 1/*n* (LeCun,
Glorot) keep it where it is. ReLU throws away half of it, so it needs 2/*n* (He). A fixed spread, such as
random_normal's 0.05, fits one width only.

**What helps.** He for ReLU and its relatives, LeCun for SELU, Glorot for tanh and sigmoid.
""",
        "He, Zhang, Ren & Sun, Delving Deep into Rectifiers, 2015",
        "https://arxiv.org/abs/1502.01852",
        "activation_variance",
    ),
    "inputs": Lesson(
        "Inputs that are not scaled",
        """
**What you see.** A first epoch that costs far more than guessing, or a first layer that is saturated before
training begins.

**Why.** All rules for first weights suppose inputs of mean 0 and variance 1. Pixels from 0 to 255 make the first
weighted sums a hundred times too large. And since all pixels are positive, all weights of a unit are pushed the
same way.

**What helps.** Standardise: subtract each pixel's mean, divide by its standard deviation, both over the training
images. Here that is a layer of the network, so the saved model still takes raw pixels. Batch normalization on the
input does it too.
""",
        "LeCun, Bottou, Orr & Müller, Efficient BackProp, 1998, section 4.3",
        "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
        "activation_variance",
    ),
    "self_normalisation": Lesson(
        "Self-normalisation broken",
        """
**What you see.** A network of SELU layers whose mean and variance leave 0 and 1, farther with each layer.

**Why.** SELU's two constants are chosen so that mean 0 and variance 1 come back by themselves, layer after layer.
The proof needs standardised inputs, LeCun normal weights and plain dense layers. He's weights have twice the
variance, so there is no way back; ordinary dropout changes mean and variance; batch normalization does the work a
second time.

**What helps.** Keep all conditions, with alpha dropout in place of dropout; or take ELU, which asks for none of
them.
""",
        "Klambauer, Unterthiner, Mayr & Hochreiter, Self-Normalizing Neural Networks, 2017",
        "https://arxiv.org/abs/1706.02515",
        "activation_variance",
    ),
    "tiny_batches": Lesson(
        "Batch normalization with tiny batches",
        """
**What you see.** Training and validation disagree from the first epoch, and the training curve is ragged.

**Why.** In training, batch normalization uses mean and variance of the batch. Of two images these are hardly an
estimate at all; of one image the deviation from the mean is always 0, so the layer forgets what it saw. For
validation it uses averages over many batches.

**What helps.** Batches of 16 and more. If memory allows no more, leave batch normalization out.
""",
        "Wu & He, Group Normalization, 2018",
        "https://arxiv.org/abs/1803.08494",
    ),
    "rate_too_high": Lesson(
        "Learning rate too high",
        """
**What you see.** The loss falls at first and then jumps about, or settles on a poor level. The update ratio, the
length of a step relative to the weights, is far above 1/1,000, and the weights grow.

**Why.** The gradient tells the direction here and now. A long step ends where it points elsewhere.

**What helps.** The range test: the rate rises step by step, and the loss shows where it learns fastest and where it
begins to diverge. Take about a tenth of the latter. Or begin high and lower the rate by a schedule.
""",
        "Smith, Cyclical Learning Rates for Training Neural Networks, 2017",
        "https://arxiv.org/abs/1506.01186",
        "update_ratio",
    ),
    "rate_too_low": Lesson(
        "Learning rate too low",
        """
**What you see.** Smooth, almost flat curves. The update ratio is far below 1/1,000.

**Why.** With Adam and its relatives a weight moves by about the learning rate a step. At 1e-7, a weight of 0.1
needs a million steps to double.

**What helps.** A rate ten or a hundred times as high; the range test shows where the loss begins to fall.
""",
        "Karpathy, CS231n: Neural Networks Part 3, ratio of weights to updates",
        "https://cs231n.github.io/neural-networks-3/#ratio",
        "update_ratio",
    ),
    "linear": Lesson(
        "Layers without an activation",
        """
**What you see.** However deep, the network is about as good as one without hidden layers.

**Why.** A matrix times a matrix is a matrix. Without something between them that is not linear, twenty layers can
be replaced by one, and what they tell apart is separated by planes.

**What helps.** Any activation.
""",
        "Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear networks, "
        "2014",
        "https://arxiv.org/abs/1312.6120",
    ),
    "overfitting": Lesson(
        "Overfitting",
        """
**What you see.** The training loss goes on falling while the validation loss turns up. Accuracy may stay level all
the while: the network becomes surer of its errors.

**Why.** It has enough weights to learn the training images by heart, with what is accidental in them.

**What helps.** Stop there: the weights of the best epoch are kept. Dropout, L2, a smaller network or more images
move the turn to a later epoch and a lower loss.
""",
        "Prechelt, Early Stopping – But When?, 1998",
        "https://page.mi.fu-berlin.de/prechelt/Biblio/stop_tricks1997.pdf",
    ),
    "underfitting": Lesson(
        "Underfitting",
        """
**What you see.** The training loss has come to rest at a high level, and validation is no worse.

**Why.** The network is too small for the task, or the steps have become too small or too large to get on.

**What helps.** More units first, then more layers; then another learning rate. Less dropout and L2, if there is
any.
""",
        "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 5.2",
        "https://www.deeplearningbook.org/contents/ml.html",
    ),
    "validation_better": Lesson(
        "Validation better than training",
        """
**What you see.** The orange curve lies below the blue one, as if the network knew images better that it has never
seen.

**Why.** The two are not measured alike. The training loss is a mean over the epoch, during which the network
improved; validation comes after it. And dropout and batch normalization disturb the network in training only.

**What helps.** Nothing needs help. Evaluate the training images in the same way, and their loss is the lower one
again.
""",
        "Géron, Hands-On Machine Learning, 3rd edition, 2022, chapter 10",
        "https://github.com/ageron/handson-ml3",
    ),
    "patience_too_short": Lesson(
        "Patience too short",
        """
**What you see.** The run ended after a few epochs, while the training loss was still falling.

**Why.** The validation loss goes up and down by chance from epoch to epoch. Early stopping with a patience of one
or two takes the first of these for the turn.

**What helps.** A patience longer than the ups and downs: the notebook's 20 is a good start. It costs time, not
accuracy, because the best weights are kept.
""",
        "Prechelt, Early Stopping – But When?, 1998",
        "https://page.mi.fu-berlin.de/prechelt/Biblio/stop_tricks1997.pdf",
    ),
}
