"""Lessons: a short text for each finding on how to recognise it, why it happens and what helps, with its source."""

from dataclasses import dataclass, replace

from explorer.diagnosis.finding import Finding
from explorer.diagnosis.wording import of_noun


@dataclass(frozen=True)
class Lesson:
    """A lesson's title, its text in Markdown, its source, and the layer statistic that shows the fault best.

    `epoch` is the one that shows it best: 0 before training, None for the latest.
    """

    title: str
    text: str
    source: str
    link: str
    signal: str = ""
    epoch: int | None = None


LESSONS: dict[str, Lesson] = {
    "vanishing": Lesson(
        "Vanishing gradients",
        """
**What you see.** The gradient shrinks by a roughly constant factor from layer to layer towards the input: a straight
line on the log scale of *By depth*. The last layers learn a little, the first ones nothing.

**Why.** Backpropagation multiplies: at each layer the gradient is multiplied by the weights and by the slope of the
activation. The slope of the sigmoid is at most 1/4, so twenty sigmoid layers leave less than one part in a trillion.

**What helps.** An activation whose slope is close to 1 for positive inputs (ReLU, ELU, SELU), initial weights that
suit it, or batch normalization, which keeps the inputs of the activation where its slope is large.
""",
        "Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010",
        "https://proceedings.mlr.press/v9/glorot10a.html",
        "gradient_rms",
    ),
    "exploding": Lesson(
        "Exploding gradients",
        """
**What you see.** Gradients hundreds or thousands of times larger than usual, and a first step that moves the weights
far away: the loss jumps, or becomes NaN within a few steps.

**Why.** It is the same product as with vanishing gradients, but with factors above 1: weights or inputs are a little
too large, and there are many layers. The steps of plain gradient descent are proportional to the gradient. Batch
normalization is no remedy: in ReLU networks it enlarges the gradient itself, by a factor of about 1.2 per layer.

**What helps.** Gradient clipping keeps the direction of a step and limits its length. Standardized inputs and suitable
initial weights remove the cause. Adam and its variants divide by the size of the gradient, so they are less sensitive.
With batch normalization, use skip connections, an activation that is closer to linear, such as ELU, or fewer layers.
""",
        "Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, 2013; Yang et al., A "
        "Mean Field Theory of Batch Normalization, 2019",
        "https://arxiv.org/abs/1902.08129",
        "gradient_rms",
        0,
    ),
    "diverged": Lesson(
        "Divergence",
        """
**What you see.** The loss rises far above that of random guessing, or becomes NaN or infinite, and does not recover.

**Why.** If a step overshoots the bottom of a valley by too much, it ends higher up on the other side. The slope is
steeper there, so the next step is even longer, until the numbers no longer fit into single precision.

**What helps.** A learning rate ten times smaller; the learning-rate finder shows the largest one that still works.
Gradient clipping or warm-up helps if only the beginning is unstable.
""",
        "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 8.2.4",
        "https://www.deeplearningbook.org/contents/optimization.html",
        "weight_norm",
    ),
    "dead": Lesson(
        "Dead units",
        """
**What you see.** The share of dead units grows and never falls. A dead unit gives the same output for every image, so
the network behaves like a much narrower one, or predicts the same for all images.

**Why.** ReLU outputs 0 and has slope 0 for every negative input; ELU, SELU and GELU flatten out further to the left.
If a large step pushes the weighted sum of a unit there for every image, its gradient is 0 for every image, and gradient
descent cannot bring it back.

**What helps.** A smaller learning rate keeps units alive, and so do standardized inputs. Units that are dead before the
first step need different initial weights, fewer layers or batch normalization instead. Leaky ReLU has a slope
everywhere; ELU and SELU keep some slope just left of zero.
""",
        "Lu, Shin, Su & Karniadakis, Dying ReLU and Initialization, 2019",
        "https://arxiv.org/abs/1903.06733",
        "dead",
    ),
    "saturated": Lesson(
        "Saturated units",
        """
**What you see.** Most outputs of sigmoid or tanh are close to their limits: 0 and 1, or −1 and 1. The histogram has a
peak at each end and almost nothing in between.

**Why.** Far from zero these functions are flat. The gradient of a unit there is close to 0, so it can hardly change.
Large steps, large initial weights or large inputs push units there.

**What helps.** Standardized inputs, a Glorot initializer, a smaller learning rate, or batch normalization before each
activation.
""",
        "LeCun, Bottou, Orr & Müller, Efficient BackProp, 1998",
        "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
        "saturated",
    ),
    "symmetric": Lesson(
        "Symmetric weights",
        """
**What you see.** Accuracy never leaves chance level, and the gradients of almost all layers are exactly 0.

**Why.** Two units with the same weights compute the same output and get the same gradient, so they stay the same. If
all weights are zero, no signal passes forward and no gradient passes backward.

**What helps.** Random initial weights. Because they differ, units can learn different things; how large they are
decides whether the signal survives many layers.
""",
        "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 8.4",
        "https://www.deeplearningbook.org/contents/optimization.html",
        "gradient_rms",
    ),
    "stuck": Lesson(
        "Stuck at chance level",
        """
**What you see.** With ten classes, a training accuracy near 10% and a loss near ln 10 = 2.303, epoch after epoch.

**Why.** The network gives the same answer for every image. Either the differences between images are lost on the way
through the layers, or no gradient reaches the weights that could change this, or the steps are far too small or too
large.

**What helps.** Look at the activations by depth first: if their variance vanishes, the initial weights are to blame.
Then look at the gradients, and then at the update ratio, which should be near 1/1,000.
""",
        "Karpathy, A Recipe for Training Neural Networks, 2019",
        "https://karpathy.github.io/2019/04/25/recipe/",
        "variance_over_images",
    ),
    "initializer": Lesson(
        "Initializer does not suit the activation",
        """
**What you see.** Before training, the variance of the activations shrinks or grows by a constant factor per layer.

**Why.** A weighted sum of *n* inputs has about *n* times the variance of one of them. Weights of variance 1/*n* (LeCun,
or Glorot if layers are equally wide) preserve it. ReLU discards about half of it, so it needs 2/*n* (He). A fixed
standard deviation, such as 0.05 for random_normal, suits only one width.

**What helps.** He for ReLU and its variants, LeCun for SELU, Glorot for tanh and sigmoid.
""",
        "He, Zhang, Ren & Sun, Delving Deep into Rectifiers, 2015",
        "https://arxiv.org/abs/1502.01852",
        "activation_variance",
        0,
    ),
    "inputs": Lesson(
        "Inputs are not scaled",
        """
**What you see.** A loss far above that of random guessing in the first epoch, or a first layer that is saturated before
training begins.

**Why.** Initializers assume inputs of mean 0 and variance 1. With pixels from 0 to 255, the first weighted sums are a
hundred times too large. And because no pixel is negative, the gradient pushes all weights of a unit in the same
direction.

**What helps.** Standardize: subtract the mean of each pixel and divide by its standard deviation, both computed on the
training images. Here this is a layer of the network, so the saved model still takes raw pixels. Batch normalization of
the input works too.
""",
        "LeCun, Bottou, Orr & Müller, Efficient BackProp, 1998, section 4.3",
        "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
        "activation_variance",
        0,
    ),
    "self_normalisation": Lesson(
        "SELU cannot self-normalize",
        """
**What you see.** In a network of SELU layers, mean and variance move away from 0 and 1, further with each layer.

**Why.** The two constants of SELU are chosen so that each layer brings its values back to mean 0 and variance 1. The
proof assumes standardized inputs, LeCun normal weights and plain dense layers. He weights have twice the variance, so
the values settle elsewhere or not at all; ordinary dropout changes mean and variance; batch normalization makes
self-normalization redundant.

**What helps.** Meet all of these conditions, and use alpha dropout instead of dropout. Or use ELU, which needs none of
them.
""",
        "Klambauer, Unterthiner, Mayr & Hochreiter, Self-Normalizing Neural Networks, 2017",
        "https://arxiv.org/abs/1706.02515",
        "activation_variance",
        0,
    ),
    "tiny_batches": Lesson(
        "Batch normalization with tiny batches",
        """
**What you see.** Training and validation disagree from the first epoch, and the training curve is noisy.

**Why.** During training, batch normalization uses the mean and variance of the batch. Two images give a very poor
estimate of them; with one image, the deviation from the mean is always 0, so its information is lost. For validation,
batch normalization uses moving averages over many batches instead.

**What helps.** Batches of 16 images or more. If memory does not allow that, turn batch normalization off.
""",
        "Wu & He, Group Normalization, 2018",
        "https://arxiv.org/abs/1803.08494",
    ),
    "l2_too_strong": Lesson(
        "L2 penalty too strong",
        """
**What you see.** The loss starts far above that of random guessing and is almost all penalty. It falls fast, while the
accuracy stays low or falls: the weights shrink towards 0.

**Why.** The optimizer lowers the sum of the loss and the penalty, and the penalty grows with the number of weights. If
it is the larger part, shrinking all weights is the fastest way down. With batch normalization, which makes the outputs
independent of the size of the weights, small weights mean that each step is relatively longer.

**What helps.** A penalty that is a small part of the loss: 1e-4 or less for networks of this size, chosen on the
validation images on a logarithmic scale. Without overfitting there is nothing for a penalty to do.
""",
        "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 7.1.1",
        "https://www.deeplearningbook.org/contents/regularization.html",
        "weight_norm",
    ),
    "weight_decay_too_strong": Lesson(
        "Weight decay too strong",
        """
**What you see.** The weights shrink from epoch to epoch, in all layers. The accuracy falls after a good start, or never
rises; in the end, every image gets the same prediction.

**Why.** Before each step, every weight is multiplied by 1 − rate × decay, whatever its gradient. The two settings act
together: ten times the learning rate is ten times the decay, and a data set with more steps per epoch has more of it.

**What helps.** A decay that shrinks the weights by a percent or two per epoch, chosen on the validation images on a
logarithmic scale. Without overfitting there is nothing for it to do.
""",
        "Loshchilov & Hutter, Decoupled Weight Decay Regularization, 2019",
        "https://arxiv.org/abs/1711.05101",
        "weight_norm",
    ),
    "shift_too_strong": Lesson(
        "Shifts too large",
        """
**What you see.** The training loss stays high and falls slowly. The validation accuracy, measured on images that are
not shifted, is better than the training accuracy, but also low.

**Why.** Augmentation helps where the changed images are ones that could have been taken. A shift by a quarter of the
image cuts off what it shows. And a fully connected network, unlike a convolutional one, learns each position anew.

**What helps.** A smaller shift: one or two pixels of 32. For small images, such as digits of 8 × 8 pixels, none.
""",
        "Shorten & Khoshgoftaar, A survey on Image Data Augmentation for Deep Learning, 2019",
        "https://doi.org/10.1186/s40537-019-0197-0",
    ),
    "smoothing_too_strong": Lesson(
        "Label smoothing too strong",
        """
**What you see.** The training loss stays at that of random guessing, or close to it, and so does the accuracy, whatever
the learning rate is.

**Why.** The labels are mixed with equal shares of all classes. With a smoothing of 0.1, the true one of ten classes has
0.91 and every other one 0.01; with 0.95, it has 0.145 and the others 0.095; with 1, all have the same.

**What helps.** A smoothing of 0.1, as in the paper, or none.
""",
        "Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, Rethinking the Inception Architecture, 2016, section 7",
        "https://arxiv.org/abs/1512.00567",
    ),
    "dropout_too_strong": Lesson(
        "Dropout too strong",
        """
**What you see.** The training loss stays high or starts far above that of random guessing, because of the noise. The
validation accuracy, measured without dropout, is often better, but also low.

**Why.** Each layer drops units on its own, so what arrives at the output is multiplied by (1 − rate) layer by layer:
half of the units in five layers leave 3% of the signal. Narrow layers suffer most. Alpha dropout sets units to a large
negative value, so it tolerates only even lower rates.

**What helps.** A lower rate in deep networks: 0.5 was found to work best in one to three wide layers, 0.1 or less with
more layers, 0.05 to 0.1 for alpha dropout. Or dropout before the output only.
""",
        "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, Dropout, 2014, section 7 and appendix A",
        "https://jmlr.org/papers/v15/srivastava14a.html",
    ),
    "clipping_too_strong": Lesson(
        "Gradient clipping too strong",
        """
**What you see.** Flat, smooth curves as with a learning rate that is too low, and every gradient is clipped.

**Why.** Clipping scales a gradient down to a maximum norm. If that maximum is below the norm of ordinary gradients,
every step is shortened, and plain gradient descent takes steps of learning rate × maximum norm at most.

**What helps.** Look at the usual norm of the gradient over a few epochs, and clip only gradients well above it.
Networks with standardized inputs and suitable weights rarely need clipping.
""",
        "Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, 2013, section 3.2",
        "https://arxiv.org/abs/1211.5063",
        "update_ratio",
    ),
    "schedule_too_low": Lesson(
        "The schedule stops learning",
        """
**What you see.** The curves fall at first and then flatten out just as the learning rate becomes tiny. Or they are flat
from the start, because a long warm-up has not ended yet.

**Why.** A schedule lowers the rate so that the network settles at the end of training. If it falls in the first few
epochs, the weights stop where they are. It looks like a plateau, or like underfitting, but a larger network would stop
just as soon.

**What helps.** A schedule that is as long as the training: a rate that falls to a tenth over most of the epochs, a
warm-up of a tenth of them, and for *reduce on plateau* a patience of several epochs and a factor of 0.1 to 0.5.
""",
        "Bengio, Practical recommendations for gradient-based training of deep architectures, 2012, section 3.1.1",
        "https://arxiv.org/abs/1206.5533",
        "update_ratio",
    ),
    "few_steps": Lesson(
        "Hardly any steps",
        """
**What you see.** The loss falls smoothly but little per epoch, and epochs are fast. The batch holds a large part of all
training images.

**Why.** Weights change once per batch. A batch of all images gives one very exact step per epoch where batches of 32
would give dozens of slightly noisy ones, which get much further.

**What helps.** Smaller batches; 32 is a good default. With a larger batch, a higher learning rate makes up for part of
the missing steps, up to a point, and the rest takes more epochs.
""",
        "Keskar, Mudigere, Nocedal, Smelyanskiy & Tang, On Large-Batch Training for Deep Learning, 2017; Masters & "
        "Luschi, Revisiting Small Batch Training for Deep Neural Networks, 2018",
        "https://arxiv.org/abs/1804.07612",
        "update_ratio",
    ),
    "too_deep": Lesson(
        "Too deep for its activation",
        """
**What you see.** Before the first step, units of the last layers are dead, or the variance of the activations falls
with depth. Training is slow or does not begin, at any learning rate.

**Why.** Suitable initial weights keep the size of the signal only on average. In a ReLU network each layer has some
units that are 0 for every image, and the chance that a whole narrow layer is dead grows with depth. Smooth activations
such as SiLU and GELU pass on a little less of a small signal at each layer.

**What helps.** Fewer layers, which usually learn as much here. To train a deep network, use batch normalization
before each activation, preferably with skip connections.
""",
        "Lu, Shin, Su & Karniadakis, Dying ReLU and Initialization, 2019",
        "https://arxiv.org/abs/1903.06733",
        "dead",
    ),
    "rate_too_high": Lesson(
        "Learning rate too high",
        """
**What you see.** The loss falls at first and then jumps up and down, or levels off too high. The update ratio, the size
of a step relative to the weights, is far above 1/1,000, and the weights grow.

**Why.** The gradient gives the direction of descent only close to the current weights. A long step ends where that
direction no longer leads downhill.

**What helps.** The learning-rate finder: it raises the rate step by step, and the loss shows where the network learns
fastest and where it begins to diverge. Choose about a tenth of the latter. Or start high and lower the rate with a
schedule.
""",
        "Smith, Cyclical Learning Rates for Training Neural Networks, 2017",
        "https://arxiv.org/abs/1506.01186",
        "update_ratio",
    ),
    "rate_too_low": Lesson(
        "Learning rate too low",
        """
**What you see.** Smooth, almost flat curves. The update ratio is far below 1/1,000.

**Why.** With Adam and its variants, a weight changes by about the learning rate per step. At 1e-7, a weight of 0.1
needs a million steps to double.

**What helps.** A rate ten or a hundred times higher; the learning-rate finder shows where the loss begins to fall.
""",
        "Karpathy, CS231n: Neural Networks Part 3, ratio of weights to updates",
        "https://cs231n.github.io/neural-networks-3/#ratio",
        "update_ratio",
    ),
    "linear": Lesson(
        "Layers without an activation",
        """
**What you see.** However deep the network is, it is about as accurate as one without hidden layers.

**Why.** The product of two matrices is a matrix. Without a nonlinear function between them, twenty layers are
equivalent to one, and the boundaries between classes are flat.

**What helps.** Any nonlinear activation.
""",
        "Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear networks, "
        "2014",
        "https://arxiv.org/abs/1312.6120",
    ),
    "overfitting": Lesson(
        "Overfitting",
        """
**What you see.** The training loss keeps falling while the validation loss starts to rise. The validation accuracy may
not change: the network becomes more confident in its mistakes.

**Why.** The network has enough weights to memorize the training images, including their random details.

**What helps.** Stop there: the weights of the best epoch are saved. Dropout, an L2 penalty, a smaller network or more
images make the rise begin later, at a lower loss.
""",
        "Prechelt, Early Stopping – But When?, 1998",
        "https://page.mi.fu-berlin.de/prechelt/Biblio/stop_tricks1997.pdf",
    ),
    "bottleneck": Lesson(
        "Too few units",
        """
**What you see.** The training loss levels off far above 0, or hardly falls, and validation agrees with it. Each hidden
layer has fewer units than half the number of classes.

**Why.** Everything that the layers above learn about an image is in the few numbers that this layer passes on. One or
two dimensions are too few for ten groups of images to be linearly separable. Deep and narrow ReLU networks also lose
their last units easily: where the only unit of a layer is dead, no image and no gradient passes.

**What helps.** Several times as many units as there are classes. More layers, epochs or images do not widen a
bottleneck.
""",
        "Tishby & Zaslavsky, Deep Learning and the Information Bottleneck Principle, 2015",
        "https://arxiv.org/abs/1503.02406",
    ),
    "underfitting": Lesson(
        "Underfitting",
        """
**What you see.** The training loss levels off at a high value, and the validation loss is about the same.

**Why.** The network is too small for the task, or its steps are too small or too large to make progress.

**What helps.** More units first, then more layers, then another learning rate. Less dropout and a smaller L2 penalty,
if they are used.
""",
        "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 5.2",
        "https://www.deeplearningbook.org/contents/ml.html",
    ),
    "validation_better": Lesson(
        "Validation better than training",
        """
**What you see.** The validation loss is below the training loss, as if the network did better on images it has never
seen.

**Why.** The two are not measured in the same way. The training loss is the mean over an epoch during which the network
improves; the validation loss is measured at its end. And dropout and the noise of batch normalization affect training
only.

**What helps.** Nothing needs to change. Evaluated in the same way as the validation images, the training images
usually have the lower loss.
""",
        "Géron, Hands-On Machine Learning, 3rd edition, 2022, chapter 10",
        "https://github.com/ageron/handson-ml3",
    ),
    "patience_too_short": Lesson(
        "Patience too short",
        """
**What you see.** The run ended after a few epochs, while the training loss was still falling.

**Why.** The validation loss fluctuates from epoch to epoch. With a patience of one or two epochs, early stopping
mistakes the first small rise for overfitting.

**What helps.** A patience longer than the fluctuations; 20 epochs is a good start. It costs time but no accuracy,
because the best weights are saved.
""",
        "Prechelt, Early Stopping – But When?, 1998",
        "https://page.mi.fu-berlin.de/prechelt/Biblio/stop_tricks1997.pdf",
    ),
}


def lesson_of(finding: Finding) -> Lesson:
    """The lesson of a finding, under the finding's own title if it has one, in the words of its data set."""
    lesson = LESSONS[finding.name]
    return replace(lesson, title=finding.title or lesson.title, text=of_noun(lesson.text, finding.one))
