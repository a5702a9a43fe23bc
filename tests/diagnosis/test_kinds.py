"""Kinds of fault on hand-made records, at, above and below their thresholds; each with the fix and what it explains."""

import dataclasses
import math

import pytest
from made_runs import DIGITS, history, signals

from explorer.config import TrainingConfig
from explorer.diagnosis import NOTE, PROBLEM, WARNING, Evidence, Finding, diagnose
from explorer.diagnosis.regularization import gentle_rate
from explorer.runs.cause import Cause
from explorer.runs.history import EpochRecord

GUESSING = math.log(10)
RELU = DIGITS.with_(activation="relu")
SGD = RELU.with_(optimizer="sgd", learning_rate=0.05)


def found(config: TrainingConfig, records, seen=(), cause: Cause | None = None) -> list[Finding]:
    return diagnose(Evidence(config, records, seen, cause))


def first(config: TrainingConfig, records, seen=(), cause: Cause | None = None) -> Finding | None:
    return next(iter(found(config, records, seen, cause)), None)


def names(findings) -> list[str]:
    return [finding.name for finding in findings]


def with_(records, **changes) -> list[EpochRecord]:
    """The records with a field changed: to a value, or epoch by epoch to those of a list."""
    columns = {name: value if isinstance(value, list) else [value] * len(records) for name, value in changes.items()}
    return [dataclasses.replace(record, **{name: column[at] for name, column in columns.items()})
            for at, record in enumerate(records)]  # fmt: skip


def penalized(*losses: float, penalty: list[float], accuracy: float = 0.1) -> list[EpochRecord]:
    """A history whose losses include these penalties."""
    records = history(*(loss + more for loss, more in zip(losses, penalty, strict=True)), accuracy=accuracy)
    return with_(records, penalty=penalty, val_penalty=penalty)


def epochs(last: int, start=None, **values) -> list:
    return [signals(0, **(start or {})), *(signals(epoch, **values) for epoch in range(1, last + 1))]


# --- L2 -----------------------------------------------------------------------------------------------


def test_a_penalty_that_rules_is_the_cause_of_a_network_that_is_stuck():
    records = penalized(GUESSING, GUESSING, GUESSING, GUESSING, penalty=[80.0, 30.0, 12.0, 7.0])
    seen = epochs(4, start={"weight_norm": 10.0}, weight_norm=1.5)
    told = found(RELU.with_(l2=0.5), records, seen)
    assert names(told) == ["l2_too_strong"] and told[0].severity == PROBLEM
    assert "L2 penalty makes up 7" in told[0].evidence and "loss without it is 2.3" in told[0].evidence
    assert "In epoch 1, the penalty was 80" in told[0].evidence and "shrunk to 2.2%" in told[0].evidence
    assert told[0].change == {"l2": 1e-4} and {"l2": 0.0} in told[0].others


def test_weights_that_a_penalty_has_removed_are_laid_to_it_though_little_of_it_is_left():
    records = penalized(*[GUESSING] * 4, penalty=[61.0, 1.0, 0.01, 2e-4])
    seen = epochs(4, start={"weight_norm": 10.0}, weight_norm=0.01)
    assert names(found(SGD.with_(l2=0.1), records, seen)) == ["l2_too_strong"]


@pytest.mark.parametrize(("share", "severity"), [(0.99, None), (1.01, WARNING)])
def test_a_penalty_rules_from_the_size_of_the_loss_on(share, severity):
    records = penalized(*[1.0] * 4, penalty=[share] * 4, accuracy=0.7)
    told = first(RELU.with_(l2=1e-3), records, epochs(4))
    assert (told and told.severity) == severity


def test_a_penalty_is_a_note_where_the_network_learns_all_the_same():
    records = penalized(1.5, 0.3, 0.1, 0.05, penalty=[18.0, 12.0, 8.0, 5.0], accuracy=0.99)
    raw = RELU.with_(l2=0.02, input_scaling="raw")
    told = found(raw, records, epochs(4, weight_norm=8.0))
    assert names(told) == ["l2_too_strong"], "the inputs are not to blame for what the penalty costs"
    assert told[0].severity == NOTE and not told[0].change and "still learning" in told[0].why


def test_steps_that_are_long_because_a_penalty_has_shrunk_the_weights_are_no_rate_too_high():
    records = with_(penalized(1.5, 0.9, 0.6, 0.5, penalty=[80.0, 10.0, 4.0, 2.0], accuracy=0.93), val_accuracy=0.4)
    seen = epochs(4, start={"weight_norm": 10.0}, weight_norm=1.0, update_ratio=0.03)
    assert names(found(RELU.with_(l2=1.0, batch_norm="before_activation"), records, seen)) == ["l2_too_strong"]
    without = with_(records, penalty=0.0, val_penalty=0.0)
    assert "rate_too_high" in names(found(RELU.with_(batch_norm="before_activation"), without, seen))


def test_a_penalty_is_known_from_the_weights_where_it_was_not_recorded():
    """As in runs of earlier versions."""
    records = with_(penalized(*[GUESSING] * 4, penalty=[30.0] * 4), penalty=math.nan, val_penalty=math.nan)
    seen = epochs(4, start={"weight_norm": 10.0}, weight_norm=10.0)
    run = Evidence(RELU.with_(l2=0.05), records, seen)
    assert [record.loss for record in run.epochs] == pytest.approx([GUESSING] * 4)
    assert names(diagnose(run))[0] == "l2_too_strong"


@pytest.mark.parametrize(("norm", "says"), [(7.8, False), (8.0, True)])
def test_a_penalty_that_will_rule_is_seen_before_training(norm, says):
    # 6 layers: chance level × 8 = 18.4 = 0.05 × 6 × 7.83²
    told = found(RELU.with_(l2=0.05), [], epochs(0, start={"weight_norm": norm}))
    assert ("l2_too_strong" in names(told)) is says


# --- Dropout ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "says"), [(0.31, False), (0.32, True), (0.9, True)])
def test_dropout_that_leaves_nothing_of_the_signal(rate, says):
    """In five layers: 0.69⁵ = 0.156, 0.68⁵ = 0.145."""
    low = history(2.6, 2.5, 2.4, 2.31, accuracy=0.12)
    told = found(RELU.with_(dropout="hidden", dropout_rate=rate), low, epochs(4, dead=0.9))
    assert (names(told)[0] == "dropout_too_strong") is says
    if says:
        assert told[0].severity == PROBLEM and told[0].change == {"dropout_rate": 0.09}
        assert {"dropout": "off"} in told[0].others and "of the units dropped in each of 5 layers" in told[0].why
        left = "less than 1%" if rate == 0.9 else "about 15%"
        assert f" layers, {left} of the variation in the output still depends on the image" in told[0].why
        assert "dead" not in names(told) and "stuck" not in names(told)


def test_dropout_is_not_too_strong_where_validation_goes_well_or_one_layer_drops():
    noisy = with_(history(2.6, 2.0, 1.5, 1.2, accuracy=0.6), val_accuracy=0.95)
    assert "dropout_too_strong" not in names(found(RELU.with_(dropout="hidden", dropout_rate=0.5), noisy))
    low = history(2.6, 2.5, 2.4, 2.31, accuracy=0.12)
    assert "dropout_too_strong" not in names(found(RELU.with_(dropout="alpha_output", dropout_rate=0.5), low))
    assert "dropout_too_strong" not in names(found(RELU.with_(depth=0, dropout="hidden", dropout_rate=0.9), low))


def test_alpha_dropout_in_many_layers_comes_before_the_overfitting_it_looks_like():
    selu = DIGITS.with_(activation="selu", kernel_initializer="lecun_normal", depth=8)
    noisy = history(2.9, 2.0, *[1.0 - 0.02 * n for n in range(20)], val=[1.27, 1.3, *[1.64] * 20], accuracy=0.74)
    assert names(found(selu, noisy))[0] == "overfitting"
    told = first(selu.with_(dropout="alpha", dropout_rate=0.3), noisy)
    assert told.name == "dropout_too_strong" and told.change == {"dropout_rate": 0.06}
    assert "alpha dropout rate of 0.3" in told.evidence


def test_the_dropout_suggested_for_selu_is_one_that_its_depth_bears():
    selu = DIGITS.with_(activation="selu", kernel_initializer="orthogonal", depth=8, dropout="hidden", dropout_rate=0.3)
    told = {f.name: f for f in found(selu, history(1.2, 0.8, 0.6, accuracy=0.95), epochs(3))}["self_normalisation"]
    assert told.change == {"dropout": "alpha", "dropout_rate": 0.06}, "orthogonal weights keep the variance too"
    assert "over 8 layers its rate must be low" in told.why
    for depth in (1, 2, 5, 20, 100):
        assert (1 - gentle_rate(selu.with_(depth=depth))) ** depth > 0.3


# --- Clipping -----------------------------------------------------------------------------------------

FLAT = history(3.44, 3.44, 3.44, 3.44, accuracy=0.1)


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_clipping_that_holds_the_weights_still_is_no_low_rate(rate):
    records = with_(FLAT, clipped=1.0)
    seen = epochs(4, update_ratio=3e-8, gradient_rms=0.02)
    told = found(SGD.with_(learning_rate=rate, clip_norm=1e-4), records, seen)
    assert names(told) == ["clipping_too_strong"] and told[0].severity == PROBLEM
    assert "clipped to 0.0001 in 100% of the steps" in told[0].evidence
    assert told[0].change == {"clip_norm": 0.0}
    assert names(found(SGD.with_(learning_rate=1e-7), FLAT, seen)) == ["rate_too_low"]


@pytest.mark.parametrize(("share", "says"), [(0.89, False), (0.9, True), (math.nan, True)])
def test_clipping_is_to_blame_where_it_acts_in_nearly_every_step_or_as_the_gradient_says(share, says):
    seen = epochs(4, update_ratio=3e-8, gradient_rms=0.02)
    told = found(SGD.with_(clip_norm=1e-4), with_(FLAT, clipped=share), seen)
    assert (names(told)[0] == "clipping_too_strong") is says


def test_clipping_of_what_is_not_much_longer_is_no_fault():
    seen = epochs(4, update_ratio=3e-8, gradient_rms=1e-6)
    assert "clipping_too_strong" not in names(found(SGD.with_(clip_norm=1e-4), with_(FLAT, clipped=1.0), seen))


def test_without_clipping_a_rate_that_is_low_too_has_to_rise_with_it():
    seen = epochs(4, update_ratio=1e-12, gradient_rms=0.02)
    told = first(SGD.with_(learning_rate=1e-6, clip_norm=1e-3), with_(FLAT, clipped=1.0), seen)
    assert told.change == {"clip_norm": 0.0, "learning_rate": 0.03} and "has to rise too" in told.why


# --- Schedules ----------------------------------------------------------------------------------------


def falling(count: int, factor: float, rate: float) -> list[float]:
    return [rate * factor**at for at in range(1, count + 1)]


def test_a_schedule_that_freezes_is_no_underfitting():
    records = history(1.9, 1.3, 1.1, 1.06, *[1.04] * 16, accuracy=0.75)
    config = RELU.with_(schedule="exponential", decay_epochs=1, depth=60, epochs=20)
    told = found(config, with_(records, learning_rate=falling(20, 0.1, 1e-3)))
    assert names(told)[0] == "schedule_too_low" and "underfitting" not in names(told)
    assert told[0].severity == PROBLEM and told[0].since == 2 and told[0].change == {"decay_epochs": 40}
    assert "underfitting" in names(found(config.with_(schedule="constant"), records))


def test_a_plateau_schedule_that_freezes_is_no_overfitting():
    records = history(0.95, 0.17, *[0.157] * 17, 0.15, val=[0.18, *[0.212] * 19], accuracy=0.966)
    config = SGD.with_(schedule="plateau", plateau_patience=1, plateau_factor=0.01, learning_rate=0.5)
    frozen = with_(records, learning_rate=[0.5, 0.5, *[0.005] * 18])
    told = found(config, frozen)
    assert names(told) == ["schedule_too_low"] and told[0].severity == WARNING
    assert told[0].change == {"plateau_patience": 5, "plateau_factor": 0.5} and "alone would only delay" in told[0].why
    assert "overfitting" in names(found(config, with_(records, learning_rate=0.5)))


@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_overfitting_is_judged_by_the_loss_without_the_penalty(penalty):
    """With a falling penalty the recorded loss is lowest at the end, although the data loss has long been rising."""
    losses, rising = [1.9, 1.6, 1.4, *[1.2] * 14, 0.8], [1.9, 1.7, 1.5, *[2.28] * 15]
    shrinking = [penalty * (18 - at) / 8 for at in range(18)]
    records = history(
        *map(sum, zip(losses, shrinking, strict=True)),
        val=list(map(sum, zip(rising, shrinking, strict=True))),
        accuracy=0.8,
    )
    told = found(RELU.with_(l2=1e-4 if penalty else 0.0), with_(records, penalty=shrinking, val_penalty=shrinking))
    overfitting = next(finding for finding in told if finding.name == "overfitting")
    assert overfitting.severity == PROBLEM and overfitting.since == 4
    assert "Since epoch 3, the validation loss has risen from 1.500 to 2.280" in overfitting.evidence
    saved = (
        "epoch 18 are saved: its loss with the L2 penalty is the lowest" if penalty else "epoch 3 are saved, so only"
    )
    assert saved in overfitting.why


@pytest.mark.parametrize(("accuracy", "says"), [(0.14, False), (0.25, False), (0.26, True)])
def test_what_does_not_know_the_training_images_does_not_overfit(accuracy, says):
    records = history(2.35, 2.3, 2.29, *[2.2] * 16, 2.1, val=[2.3, *[2.6] * 19], accuracy=accuracy)
    told = names(found(RELU, records))
    assert ("overfitting" in told) is says
    assert not {"overfitting", "underfitting"} <= set(told)


@pytest.mark.parametrize(("rate", "says"), [(2.01e-5, False), (2e-5, True)])
def test_a_rate_is_frozen_at_a_fiftieth(rate, says):
    records = with_(history(1.5, 1.1, *[1.0] * 4, accuracy=0.6), learning_rate=[1e-3, 1e-3, *[rate] * 4])
    assert ("schedule_too_low" in names(found(RELU.with_(schedule="exponential"), records))) is says


@pytest.mark.parametrize(("frozen", "says"), [(7, False), (8, True)])
def test_the_tail_of_a_schedule_is_no_fault(frozen, says):
    rates = [*[1e-3] * (20 - frozen), *[1e-6] * frozen]
    records = with_(history(1.5, 1.1, *[1.0] * 18, accuracy=0.6), learning_rate=rates)
    assert ("schedule_too_low" in names(found(RELU.with_(schedule="cosine", epochs=20), records))) is says


def test_a_rate_that_fell_when_all_was_learned_is_no_fault():
    records = with_(history(1.5, 0.1, *[0.01] * 10, accuracy=0.995), learning_rate=falling(12, 0.1, 1e-3))
    assert "schedule_too_low" not in names(found(RELU.with_(schedule="exponential"), records))


@pytest.mark.parametrize(("warmup", "says"), [(19, False), (20, True), (300, True)])
def test_a_warm_up_as_long_as_the_run(warmup, says):
    records = with_(
        history(2.4, 2.39, 2.38, 2.37, accuracy=0.12), learning_rate=[1e-3 * n / warmup for n in (1, 2, 3, 4)]
    )
    told = first(RELU.with_(schedule="cosine", warmup_epochs=warmup, epochs=20), records, epochs(4, update_ratio=2e-6))
    assert (told.name == "schedule_too_low") is says
    if says:
        assert told.change == {"warmup_epochs": 2}


# --- Steps --------------------------------------------------------------------------------------------


def test_batches_that_leave_one_step_per_epoch_are_not_stuck():
    same = history(2.302, 2.302, 2.301, 2.301, accuracy=0.11)
    told = found(RELU.with_(batch_size=8192), same, epochs(4, variance_over_images=1e-6))
    assert names(told) == ["few_steps"] and told[0].change == {"batch_size": 32}
    assert "one weight update: 4 so far, in 4 epochs" in told[0].evidence
    assert names(found(RELU, same, epochs(4, variance_over_images=1e-6)))[0] == "stuck"


@pytest.mark.parametrize(("size", "says"), [(255, False), (256, True)])
def test_a_batch_is_giant_from_256_images_on(size, says):
    slow = history(2.3, 2.1, 2.2, 2.1, accuracy=0.3)
    assert ("few_steps" in names(found(RELU.with_(batch_size=size), slow))) is says


@pytest.mark.parametrize(("count", "says"), [(66, True), (67, False)])
def test_two_hundred_steps_are_no_longer_few(count, says):
    slow = history(*[2.0] * count, accuracy=0.3)
    assert ("few_steps" in names(found(RELU.with_(batch_size=512), slow))) is says


def test_few_steps_are_enough_for_what_has_learned():
    giant = RELU.with_(batch_size=8192)
    [told] = found(giant, history(1.0, 0.5, 0.3, accuracy=0.969))  # on validation 0.949
    assert (told.name, told.severity) == ("few_steps", WARNING)
    assert "few_steps" not in names(found(giant, history(1.0, 0.5, 0.3, accuracy=0.971)))
    by_heart = with_(history(1.0, 0.5, 0.3, accuracy=0.991), val_accuracy=0.9)
    assert "few_steps" not in names(found(giant, by_heart))
    # 11 steps per epoch of 48,000 images are enough where the training images are learned, 10 are not
    learned = history(1.0, 0.5, 0.3, accuracy=0.92)
    assert "few_steps" in names(found(RELU.with_(dataset="mnist", batch_size=4800), learned))
    assert "few_steps" not in names(found(RELU.with_(dataset="mnist", batch_size=4364), learned))


@pytest.mark.parametrize(("size", "says"), [(2e-3, False), (1e-3, True)])
def test_a_run_that_ends_while_it_still_falls_has_moved_too_little(size, says):
    """45 steps per epoch: 5 epochs of steps of 1/1,000 move the weights by 0.2 of their size, of 1/500 by 0.45."""
    slow = history(1.9, 1.7, 1.5, 1.3, 1.1, accuracy=0.7)
    seen = epochs(5, update_ratio=size * 0.99)
    told = found(RELU.with_(learning_rate=1e-5, epochs=5), slow, seen, Cause.ALL_EPOCHS)
    assert ("rate_too_low" in names(told)) is says
    if says:
        assert told[0].severity == WARNING and told[0].change == {"learning_rate": 1e-3}


def test_a_low_rate_at_chance_level_is_not_stuck():
    slow = history(4.5, 4.4, 4.3, 4.2, 4.1, accuracy=0.1)
    told = found(RELU.with_(learning_rate=3e-6), slow, epochs(5, update_ratio=1.2e-5), Cause.ALL_EPOCHS)
    assert names(told) == ["rate_too_low"] and told[0].severity == PROBLEM


@pytest.mark.parametrize(("rate", "told"), [(3.1e-3, None), (3e-3, "rate_too_low")])
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_a_tenth_of_the_usual_rate_is_low_although_most_is_learned(rate, told, schedule):
    """The usual one for SGD is 0.03; the peak of a cycle counts."""
    slow = history(1.9, 1.1, 0.8, 0.6, 0.5, accuracy=0.92)
    config = SGD.with_(
        epochs=5, schedule=schedule, peak_factor=5.0, learning_rate=rate / (5 if schedule != "constant" else 1)
    )
    finding = first(config, slow, epochs(5, update_ratio=2e-4), Cause.ALL_EPOCHS)
    assert (finding and finding.name) == told
    if told:
        assert finding.severity == WARNING and finding.change == {"learning_rate": 0.03}
        enough = history(1.9, 1.1, 0.8, 0.6, 0.5, accuracy=0.951)
        assert first(config, enough, epochs(5, update_ratio=2e-4), Cause.ALL_EPOCHS) is None
        # 45 steps of 1/400 in five epochs move the weights by 0.56 of their size: they do not crawl
        assert first(config, slow, epochs(5, update_ratio=2.5e-3), Cause.ALL_EPOCHS) is None


def test_validation_that_is_good_under_dropout_is_no_low_rate():
    slow = with_(history(2.4, 1.6, 1.1, 0.9, 0.7, accuracy=0.8), val_accuracy=0.91)
    config = RELU.with_(optimizer="momentum", learning_rate=2.5e-3, dropout="hidden", dropout_rate=0.05, epochs=5)
    seen = epochs(5, update_ratio=2e-4)
    assert found(config, slow, seen, Cause.ALL_EPOCHS) == []
    low = with_(slow, val_accuracy=0.89)
    assert "rate_too_low" in names(found(config, low, seen, Cause.ALL_EPOCHS))


@pytest.mark.parametrize(("rate", "told"), [(1e-4, ["rate_too_low", "inputs"]), (1.1e-4, ["inputs"])])
def test_raw_pixels_are_not_to_blame_while_a_low_rate_holds_the_weights_still(rate, told):
    """The loss stays as high as it starts, whatever the inputs are."""
    raw = RELU.with_(input_scaling="raw", learning_rate=rate, epochs=5)
    still = history(9.0, 8.9, 8.8, 8.7, 8.6, accuracy=0.12)
    findings = found(raw, still, epochs(5, update_ratio=8e-6), Cause.ALL_EPOCHS)
    assert names(findings) == told
    assert findings[-1].severity == (NOTE if "rate_too_low" in told else PROBLEM)
    assert findings[0].change == ({"learning_rate": 1e-3} if len(told) > 1 else {"input_scaling": "standardized"})


def test_plain_descent_needs_standardized_inputs_for_its_usual_rate():
    raw = SGD.with_(input_scaling="raw", learning_rate=1e-3, epochs=5)
    slow = history(9.0, 2.0, 1.5, 1.2, 1.0, accuracy=0.75)
    told = first(raw, slow, epochs(5, update_ratio=5e-5), Cause.ALL_EPOCHS)
    assert told.name == "rate_too_low" and told.change == {"learning_rate": 0.03, "input_scaling": "standardized"}
    assert "would be too high; it needs standardized inputs" in told.why
    assert first(
        raw.with_(batch_norm="before_activation"), slow, epochs(5, update_ratio=5e-5), Cause.ALL_EPOCHS
    ).change == {"learning_rate": 0.03}


def test_flat_activations_are_not_to_blame_while_a_low_rate_holds_the_weights_still():
    gradients = {"gradient_rms": [1e-4, 0.01, 0.02]}
    seen = [signals(n, depth=2, by_depth=gradients, update_ratio=5e-5) for n in range(6)]
    slow = history(2.3, 2.2, 2.1, 2.0, 1.9, accuracy=0.4)
    config = DIGITS.with_(activation="softplus", kernel_initializer="glorot_uniform", depth=2, epochs=5)
    assert names(found(config, slow, seen, Cause.ALL_EPOCHS)) == ["vanishing"]
    low = config.with_(optimizer="sgd", learning_rate=1e-3)
    assert names(found(low, slow, seen, Cause.ALL_EPOCHS)) == ["rate_too_low"]


@pytest.mark.parametrize(("norm", "says"), [(4.9, True), (4.7, False)])
def test_a_penalty_that_shrinks_the_weights_makes_steps_look_long(norm, says):
    """Steps of 0.029 of weights that were 14 are 0.0101 of those before training at 4.9, and 0.0097 at 4.7."""
    jumping = penalized(1.5, 0.9, 1.4, 1.2, penalty=[0.4] * 4, accuracy=0.5)
    seen = epochs(4, start={"weight_norm": 14.0}, weight_norm=norm, update_ratio=0.029)
    assert ("rate_too_high" in names(found(RELU.with_(l2=1e-3), jumping, seen))) is says
    assert "rate_too_high" in names(found(RELU, jumping, seen))


def test_the_peak_of_a_cycle_is_lowered_before_its_rate():
    jumping = history(1.5, 0.9, 1.6, 1.5, accuracy=0.5)
    cycle = RELU.with_(schedule="one_cycle", peak_factor=100.0, learning_rate=3e-4)
    told = first(cycle, jumping, epochs(4, update_ratio=0.08))
    assert told.name == "rate_too_high" and told.change == {"peak_factor": 10.0}


@pytest.mark.parametrize(
    ("risen", "now", "step", "says"),
    [
        (1.55, 0.53, 0.02, True),
        (1.45, 0.53, 0.02, False),  # 2.5 × 0.6
        (1.55, 0.51, 0.02, False),  # 1.15 × 0.45
        (1.55, 0.53, 0.0099, False),
    ],
)
def test_a_peak_that_undid_what_was_learned_is_told_though_the_training_loss_is_low(risen, now, step, says):
    tail = [0.5, 0.3, 0.2, 0.15, 0.12, 0.1, 0.09, 0.08, 0.07, 0.05]
    records = history(0.6, 0.9, risen, *tail, val=[0.45, 0.9, 1.4, *[0.6] * 9, now], accuracy=0.97)
    records = with_(records, learning_rate=[5e-3, 0.02, 0.04, 0.02, *[1e-3] * 9])
    sizes = [5e-3, 9e-3, step, 5e-3, *[1e-4] * 9]
    seen = [signals(0), *(signals(epoch, update_ratio=size) for epoch, size in enumerate(sizes, 1))]
    cycle = RELU.with_(schedule="one_cycle", peak_factor=100.0, learning_rate=5e-4, epochs=13)
    told = [finding for finding in found(cycle, records, seen, Cause.ALL_EPOCHS) if finding.name == "rate_too_high"]
    assert bool(told) is says
    if says:
        assert (told[0].severity, told[0].since, told[0].change) == (WARNING, 2, {"peak_factor": 8.0})
        assert "lowest in epoch 1: 0.450, at a learning rate of 0.005" in told[0].evidence
        assert "to 0.04, steps changed the weights by up to 2.0% and the training loss rose to 1.6" in told[0].evidence
    # no other schedule has a peak
    assert "rate_too_high" not in names(found(cycle.with_(schedule="cosine"), records, seen, Cause.ALL_EPOCHS))


# --- Without hidden layers, deep, saturated -----------------------------------------------------------


def test_raw_pixels_are_the_cause_without_hidden_layers_too():
    linear = TrainingConfig(dataset="cifar10", depth=0, optimizer="sgd", learning_rate=0.01, epochs=4)
    ruined = history(4000.0, 3500.0, 3800.0, 3600.0, accuracy=0.25)
    told = found(linear, ruined, [signals(n, depth=0, gradient_rms=40.0, update_ratio=0.5) for n in range(5)])
    assert names(told) == ["inputs"] and told[0].severity == PROBLEM
    assert told[0].change == {"input_scaling": "standardized"}


def test_underfitting_without_hidden_layers_asks_for_some_and_not_for_width():
    level = history(1.5, 1.2, *[1.0] * 12, accuracy=0.7)
    for width in (10, 100):
        told = first(DIGITS.with_(depth=0, width=width), level)
        assert told.name == "underfitting" and told.change == {"depth": 2}


def test_units_that_are_dead_before_training_in_a_deep_network_are_laid_to_its_depth():
    deep = RELU.with_(depth=60, optimizer="sgd", learning_rate=0.01)
    slow = history(2.3, 2.29, 2.28, 2.27, accuracy=0.2)
    seen = [signals(n, depth=60, dead=0.5) for n in range(5)]
    told = found(deep, slow, seen)
    assert names(told)[0] == "too_deep" and "dead" not in names(told)
    assert told[0].change == {"depth": 10} and {"batch_norm": "before_activation", "skip": "pairs"} in told[0].others
    assert names(found(deep, [], seen[:1])) == ["too_deep"]


@pytest.mark.parametrize(("dead", "depth", "says"), [(0.39, 60, False), (0.4, 60, True), (0.4, 19, False)])
def test_too_deep_by_dead_units(dead, depth, says):
    slow = history(2.3, 2.29, 2.28, 2.27, accuracy=0.2)
    seen = [signals(n, depth=depth, dead=dead if n == 0 else 0.0) for n in range(5)]
    assert ("too_deep" in names(found(RELU.with_(depth=depth), slow, seen))) is says


@pytest.mark.parametrize(("last", "says"), [(0.11, False), (0.09, True)])
def test_a_signal_that_fades_with_depth_though_the_weights_suit(last, says):
    silu = DIGITS.with_(activation="silu", depth=40)
    variance = {"activation_variance": [1.0] * 39 + [last, 1.0]}
    same = history(*[GUESSING] * 4, accuracy=0.1)
    seen = [signals(n, depth=40, by_depth=variance) for n in range(5)]
    assert (names(found(silu, same, seen))[0] == "too_deep") is says
    assert "too_deep" not in names(found(silu, history(1.0, 0.5, 0.2, accuracy=0.95), seen))


def test_dead_units_before_training_are_not_laid_to_the_rate():
    records, seen = history(1.9, 1.8, 1.9, accuracy=0.3), [signals(n, dead=0.75) for n in range(4)]
    told = first(RELU, records, seen)
    assert told.name == "dead" and told.change == {"batch_norm": "before_activation"}
    assert "the cause is not the steps" in told.why
    later = first(RELU, records, [signals(0), *seen[1:]])
    assert set(later.change) == {"learning_rate"} and "large step" in later.why


@pytest.mark.parametrize(("activation", "title"), [("relu", "Dying ReLU"), ("elu", ""), ("gelu", ""), ("selu", "")])
def test_only_relu_is_called_by_name(activation, title):
    initializer = "lecun_normal" if activation == "selu" else "he_normal"
    config = DIGITS.with_(activation=activation, kernel_initializer=initializer)
    seen = [signals(0), *(signals(n, dead=0.8) for n in (1, 2, 3))]
    told = {f.name: f for f in found(config, history(1.9, 1.8, 1.9, accuracy=0.3), seen)}["dead"]
    assert told.title == title and ("output 0" in told.evidence) is (activation == "relu")


def test_a_saturated_network_that_learns_is_no_problem():
    tanh = TrainingConfig(activation="tanh", kernel_initializer="glorot_uniform", depth=4, input_scaling="standardized")
    learning = history(2.0, 1.8, 1.75, 1.7, 1.65, accuracy=0.42)
    seen = [signals(0, depth=4), *(signals(n, depth=4, saturated=0.7) for n in range(1, 6))]
    [told] = found(tanh, learning, seen)
    assert (told.name, told.severity, dict(told.change)) == ("saturated", NOTE, {})
    level = history(2.0, 2.1, 2.0, 2.1, 2.05, accuracy=0.3)
    assert first(tanh, level, seen).severity == PROBLEM


@pytest.mark.parametrize(("width", "says"), [(4, True), (5, False)])
def test_fewer_units_than_half_of_the_classes_are_a_bottleneck(width, says):
    falling = history(2.4, 2.1, 1.9, 1.8, 1.7, accuracy=0.45)
    told = found(RELU.with_(width=width, depth=2), falling, epochs(5, start={}))
    assert ("bottleneck" in names(told)) is says
    if says:
        assert told[0].severity == PROBLEM and told[0].change == {"width": 64}
        assert "4 units in each of the 2 hidden layers, and 10 classes" in told[0].evidence
        shrinking = RELU.with_(width=40, depth=2, width_factor=0.1)
        shrunk = first(shrinking, falling, epochs(5, start={}))
        assert "4 units in the narrowest hidden layer" in shrunk.evidence and shrunk.change == {"width_factor": 1.0}
    assert "bottleneck" not in names(found(RELU.with_(width=width), falling[:4]))
    assert "bottleneck" not in names(found(RELU.with_(width=width), history(*[0.4] * 5, accuracy=0.91)))


@pytest.mark.parametrize(("rate", "told"), [(1.1e-4, ["bottleneck"]), (9.9e-5, ["bottleneck", "rate_too_low"])])
def test_a_single_unit_that_gets_short_steps_is_a_bottleneck_and_no_low_rate(rate, told):
    """Its gradient is small because most units above it are dead or see the same; a usual rate changes nothing."""
    slow = history(2.30, 2.29, 2.28, 2.27, 2.26, accuracy=0.17)
    seen = epochs(5, update_ratio=5e-6)
    narrow = RELU.with_(width=1, learning_rate=rate, epochs=5)
    assert names(found(narrow, slow, seen, Cause.ALL_EPOCHS)) == told


@pytest.mark.parametrize(("first", "says"), [(0.051, False), (0.049, True), (6e-3, True)])
def test_flat_activations_that_weaken_the_gradient_without_ending_it(first, says):
    sigmoid = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform", depth=3, epochs=4)
    gradients = {"gradient_rms": [0.02 * first, 0.01, 0.01, 0.02]}
    seen = [signals(n, depth=3, by_depth=gradients) for n in range(5)]
    told = found(sigmoid, history(2.3, 1.8, 1.2, 0.8, accuracy=0.8), seen)
    assert ("vanishing" in names(told)) is says
    if says:
        assert told[0].title == "Weak gradients"
        assert told[0].severity == WARNING and told[0].change == {
            "activation": "elu",
            "kernel_initializer": "he_normal",
        }
    assert "vanishing" not in names(found(sigmoid, history(2.3, 0.8, 0.4, 0.2, accuracy=0.96), seen))
    assert "vanishing" not in names(found(sigmoid.with_(activation="elu"), history(2.3, 1.8, 1.2, 0.8), seen))


def test_short_steps_are_no_fault_where_many_epochs_are_planned():
    slow = history(1.9, 1.7, 1.5, 1.3, 1.1, accuracy=0.7)
    seen = epochs(5, update_ratio=1e-4)
    assert names(found(RELU.with_(epochs=5), slow, seen)) == ["rate_too_low"]
    assert names(found(RELU.with_(epochs=1000), slow, seen)) == []
    assert names(found(RELU.with_(epochs=1000), slow, seen, Cause.EARLY_STOPPING)) == ["rate_too_low"]


def test_raw_pixels_are_the_cause_where_a_usual_rate_diverges():
    raw, seen = SGD.with_(activation="elu", input_scaling="raw"), [signals(0, gradient_rms=0.05)]
    told = found(raw, [], seen, Cause.DIVERGED)
    assert names(told) == ["inputs"] and told[0].change == {"input_scaling": "standardized"}
    assert names(found(raw.with_(input_scaling="standardized"), [], seen, Cause.DIVERGED)) == ["diverged"]
    assert names(found(raw.with_(learning_rate=1.0), [], seen, Cause.DIVERGED)) == ["diverged"]


def test_weights_that_do_not_suit_are_the_cause_of_units_that_die_at_once():
    variance = {"activation_variance": [1.0, 0.1, 0.01, 1e-3, 1e-4, 1.0]}
    seen = [signals(0, by_depth=variance), *(signals(n, dead=1.0) for n in (1, 2, 3))]
    config = SGD.with_(kernel_initializer="random_normal")
    told = found(config, history(*[GUESSING] * 3, accuracy=0.1), seen)
    assert names(told) == ["initializer"] and told[0].severity == PROBLEM


def test_few_steps_come_before_the_inputs_and_the_rate():
    high = history(6.0, 5.0, 4.5, 4.1, accuracy=0.15)
    giant = RELU.with_(batch_size=8192, input_scaling="raw")
    assert names(found(giant, high, epochs(4, update_ratio=0.03))) == ["few_steps", "inputs"]


@pytest.mark.parametrize(("clip", "says"), [(0.99, True), (1.0, False)])
def test_the_limit_that_is_suggested_itself_is_not_too_strong(clip, says):
    seen = epochs(4, update_ratio=3e-8, gradient_rms=0.2)
    told = names(found(SGD.with_(clip_norm=clip), with_(FLAT, clipped=1.0), seen))
    assert ("clipping_too_strong" in told) is says


@pytest.mark.parametrize(("norm", "says"), [(17.1, True), (17.3, False), (math.nan, False)])
def test_a_penalty_that_grew_with_the_weights_is_a_consequence(norm, says):
    """Weights of norm 14 whose squares grow by half have norm 17.15."""
    records = penalized(*[1.0] * 4, penalty=[0.05, 0.5, 1.2, 3.0], accuracy=0.4)
    assert ("l2_too_strong" in names(found(RELU.with_(l2=1e-4), records, epochs(4, weight_norm=norm)))) is says


@pytest.mark.parametrize(("variance", "says"), [(19.9, False), (20.0, True), (1e4, True)])
def test_raw_pixels_are_told_before_training_where_the_run_will_be_told_of_them(variance, says):
    raw = DIGITS.with_(input_scaling="raw")
    seen = [signals(0, by_depth={"activation_variance": [variance, 1, 1, 1, 1, 1]})]
    told = found(raw, [], seen)
    assert names(told) == ["inputs"] * says
    if says:
        assert told[0].severity == WARNING and told[0].change == {"input_scaling": "standardized"}
        during = found(raw, history(4.7, 2.1, 2.0), [*seen, *epochs(3)[1:]])
        assert names(during)[0] == "inputs" and during[0].change == told[0].change


# --- weight decay and shifts -----------------------------------------------------------------------------------


def test_weight_decay_that_takes_the_weights_away_is_the_cause_and_not_the_rate():
    records = history(1.5, GUESSING, GUESSING, GUESSING, accuracy=0.1)
    seen = epochs(4, weight_norm=0.01, update_ratio=0.05)
    told = found(SGD.with_(weight_decay=1.0), records, seen)
    assert names(told) == ["weight_decay_too_strong"] and told[0].severity == PROBLEM
    assert "multiply the weights by 0.11" in told[0].evidence
    assert told[0].change == {"weight_decay": 0.009} and {"weight_decay": 0.0} in told[0].others
    assert "weight_decay_too_strong" not in names(found(SGD.with_(weight_decay=0.3), records, epochs(4)))
    assert "weight_decay_too_strong" in names(found(SGD.with_(weight_decay=1.0), records, epochs(4))), "too fast anyway"
    assert "weight_decay_too_strong" not in names(found(SGD.with_(weight_decay=0.01), records, seen))


def test_weight_decay_is_judged_by_the_peak_of_1cycle():
    config = SGD.with_(learning_rate=0.005, weight_decay=0.2)
    records, seen = history(2.0, 1.6, 1.5, 1.4, accuracy=0.6), epochs(4, weight_norm=0.1)
    assert "weight_decay_too_strong" not in names(found(config, records, seen))
    told = first(config.with_(schedule="one_cycle", peak_factor=10.0), records, seen)
    assert told.name == "weight_decay_too_strong" and "an epoch at a learning rate of 0.05" in told.evidence
    assert told.change == {"weight_decay": 0.009}


def test_decay_comes_off_before_a_network_grows():
    flat = history(*[1.5] * 12, accuracy=0.5)
    told = next(one for one in found(RELU.with_(weight_decay=0.01), flat, epochs(12)) if one.name == "underfitting")
    assert told.change == {"weight_decay": 0.0}


@pytest.mark.parametrize(("rate", "fix"), [(0.95, {"dropout_rate": 0.22}), (0.3, {"learning_rate": 0.001})])
def test_divergence_at_a_usual_rate_is_laid_to_dropout_that_leaves_hardly_a_unit(rate, fix):
    config = RELU.with_(optimizer="momentum", learning_rate=0.01, depth=2, dropout="hidden", dropout_rate=rate)
    told = first(config, [], epochs(0), cause=Cause.DIVERGED)
    assert told.name == "diverged" and told.change == fix
    assert ("multiplied by 20" in told.why) == (rate == 0.95)
    higher = first(config.with_(learning_rate=1.0), [], epochs(0), cause=Cause.DIVERGED)
    assert higher.change == {"learning_rate": 0.01}, "such a rate is to blame first"


def test_a_rate_far_below_the_usual_one_is_told_though_noise_hides_that_the_loss_falls():
    noisy = history(2.7, 2.6, 2.56, 2.54, 2.55, 2.52, 2.47, 2.48, 2.5, 2.46, accuracy=0.17)
    seen, config = epochs(10, update_ratio=4e-5), SGD.with_(epochs=10)
    told = first(config.with_(learning_rate=0.001), noisy, seen, cause=Cause.ALL_EPOCHS)
    assert told.name == "rate_too_low" and told.severity == WARNING and told.change == {"learning_rate": 0.03}
    assert "rate_too_low" not in names(found(config.with_(learning_rate=0.03), noisy, seen, cause=Cause.ALL_EPOCHS))


def test_shifts_by_half_of_an_image_are_the_cause_and_not_the_rate():
    records = with_(history(2.3, 2.1, 1.9, 1.7, 1.8, accuracy=0.3), val_accuracy=0.4)
    told = found(RELU.with_(shift=4), records, epochs(5, update_ratio=0.03))
    assert names(told) == ["shift_too_strong"] and told[0].change == {"shift": 0}
    assert "8 × 8 pixels are shifted by up to 4 pixels" in told[0].evidence
    assert found(RELU.with_(dataset="cifar10", shift=8), records, epochs(5))[0].change == {"shift": 2}
    stuck = history(*[GUESSING] * 6, accuracy=0.1)
    assert "shift_too_strong" not in names(found(RELU.with_(shift=2), stuck, epochs(6))), "it is more than shifted"
    assert first(RELU.with_(shift=4), stuck, epochs(6)).name == "shift_too_strong"
    for config, seen in ((RELU.with_(shift=1), records), (RELU.with_(shift=4), with_(records, val_accuracy=0.95))):
        assert "shift_too_strong" not in names(found(config, seen, epochs(5)))


def test_labels_that_say_nothing_are_the_cause_and_not_the_rate():
    learning = with_(history(*[2.2] * 6, accuracy=0.95), val_accuracy=0.85)
    assert "smoothing_too_strong" not in names(found(RELU.with_(label_smoothing=0.96), learning, epochs(6)))
    slowly = history(*[2.2] * 6, accuracy=0.7)
    assert first(RELU.with_(label_smoothing=0.96), slowly, epochs(6)).severity == WARNING
    told = found(RELU.with_(label_smoothing=1.0), history(*[GUESSING] * 6, accuracy=0.1), epochs(6, update_ratio=3e-6))
    assert names(told) == ["smoothing_too_strong"] and told[0].change == {"label_smoothing": 0.1}
    assert "a probability of 0.10 and every other class 0.10" in told[0].evidence


def test_large_batches_and_a_rate_too_high_for_small_ones_are_changed_together():
    giant = RELU.with_(batch_size=8192)
    records = history(*[GUESSING] * 8, accuracy=0.1)
    told = first(giant.with_(learning_rate=0.5), records, epochs(8))
    assert told.name == "few_steps" and told.change == {"batch_size": 32, "learning_rate": 0.003} and not told.others
    assert first(giant, records, epochs(8)).change == {"batch_size": 32}


# --- without hidden layers, or without an activation -----------------------------------------------------------


def test_stuck_without_hidden_layers_asks_for_some():
    told = found(RELU.with_(depth=0, dataset="xor"), history(*[0.69] * 6, accuracy=0.5), seen_without_layers(6))
    assert names(told) == ["stuck"] and told[0].change == {"depth": 2}
    assert "weighted sums of the inputs alone" in told[0].why


def seen_without_layers(last: int) -> list:
    return [signals(0, 0), *(signals(epoch, 0) for epoch in range(1, last + 1))]


def test_a_network_without_activation_that_is_stuck_is_told_so_first():
    config = DIGITS.with_(activation="linear", kernel_initializer="glorot_uniform", dataset="circles")
    told = found(config, history(*[0.69] * 6, accuracy=0.5), epochs(6))
    assert names(told) == ["linear"] and told[0].severity == PROBLEM and told[0].change == {"activation": "elu"}


@pytest.mark.parametrize(("accuracy", "severity"), [(0.1, PROBLEM), (0.95, NOTE)])
def test_zeros_are_a_problem_only_where_they_keep_the_network_from_learning(accuracy, severity):
    told = first(DIGITS.with_(depth=1, kernel_initializer="zeros"), history(1.0, 0.5, 0.3, accuracy=accuracy))
    assert (told.name, told.severity) == ("symmetric", severity)
    assert ("random weights of the output layer" in told.why) == (severity == NOTE)


# --- causes and their consequences -----------------------------------------------------------------------------


def test_a_signal_that_faded_before_training_comes_before_a_gradient_that_vanished_later():
    deep = DIGITS.with_(activation="silu", depth=60)
    fading = {"activation_variance": [10.0 ** (-number / 4) for number in range(61)]}
    vanished = {"gradient_rms": [1e-9] * 60 + [1e-2]}
    seen = [signals(0, 60, fading), *(signals(epoch, 60, fading | vanished) for epoch in range(1, 5))]
    told = found(deep, history(*[GUESSING] * 4, accuracy=0.1), seen)
    assert names(told) == ["too_deep"] and told[0].change == {"depth": 10}


def test_a_fix_of_a_network_that_crawls_raises_its_rate_too():
    records = penalized(*[GUESSING] * 4, penalty=[80.0] * 4)
    crawling = epochs(4, update_ratio=1e-8)
    told = first(RELU.with_(l2=0.5, learning_rate=1e-6), records, crawling)
    assert told.name == "l2_too_strong" and set(told.change) == {"l2", "learning_rate"}
    assert told.change["learning_rate"] == 1e-3 and "has to rise too" in told.why
    assert set(first(RELU.with_(l2=0.5), records, crawling).change) == {"l2"}
    cycle = RELU.with_(l2=0.5, learning_rate=1e-7, schedule="one_cycle", peak_factor=40.0)
    assert first(cycle, records, crawling).change["learning_rate"] == 1e-4, "at its peak, four times the usual rate"
    plain = RELU.with_(l2=0.5, learning_rate=1e-6, optimizer="sgd", input_scaling="raw")
    assert set(first(plain, records, crawling).change) == {"l2", "learning_rate", "input_scaling"}


def test_a_fix_that_is_there_already_is_not_made_new_by_a_higher_rate():
    crawling = epochs(6, update_ratio=1e-8)
    told = found(RELU.with_(learning_rate=1e-6, width=2), history(*[GUESSING] * 6, accuracy=0.1), crawling)
    changes = {told.name: told.change for told in told}
    assert changes["bottleneck"] == {"width": 64, "learning_rate": 1e-3}
    giant = RELU.with_(learning_rate=1e-6, batch_size=8192)
    few = first(giant, history(*[GUESSING] * 6, accuracy=0.1), crawling)
    assert few.name == "few_steps" and few.change == {"batch_size": 32, "learning_rate": 1e-3}
    assert "too high" not in few.why and "has to rise too" in few.why


def test_a_reason_of_its_own_is_kept_where_a_fix_raises_the_rate_too():
    config = RELU.with_(schedule="plateau", plateau_patience=1, plateau_factor=0.01, learning_rate=1e-6)
    told = first(config, with_(history(*[2.29] * 12, accuracy=0.2), learning_rate=1e-9), epochs(12, update_ratio=1e-9))
    assert told.name == "schedule_too_low" and "learning_rate" in told.change
    assert "A longer patience alone" in told.why and "has to rise too" in told.why


def test_a_note_about_a_network_that_crawls_raises_no_rate():
    raw = RELU.with_(input_scaling="raw", learning_rate=1e-6)
    told = {each.name: each for each in found(raw, history(*[9.0] * 4, accuracy=0.1), epochs(4, update_ratio=1e-8))}
    assert told["inputs"].severity == NOTE and told["inputs"].change == {"input_scaling": "standardized"}


def test_the_large_steps_of_a_cycle_are_dated_to_its_peak_and_a_note_where_nothing_is_lost():
    records = history(1.5, 0.8, 0.4, 0.2, 0.1, accuracy=0.97)
    sizes = [0.002, 0.027, 0.004, 0.001, 1e-5]
    seen = [signals(0), *(signals(epoch, update_ratio=size) for epoch, size in enumerate(sizes, 1))]
    jumping = with_(records, loss=[1.5, 0.8, 1.4, 0.2, 0.25])
    cycle = RELU.with_(schedule="one_cycle")
    for val_accuracy, severity in ((0.9, WARNING), (0.96, NOTE)):
        told = next(
            f for f in found(cycle, with_(jumping, val_accuracy=val_accuracy), seen) if f.name == "rate_too_high"
        )
        assert (told.severity, told.since) == (severity, 2)
        assert "2.7% of their size (median over layers, the last step of epoch 2)" in told.evidence


def test_a_rising_validation_loss_is_a_note_while_the_accuracy_is_as_high_as_ever():
    records = history(0.5, *[0.1] * 19, 0.01, val=[0.1, *[0.2] * 20], accuracy=0.99)
    told = first(DIGITS, records)
    assert (told.name, told.severity) == ("overfitting", NOTE) and not told.change
    assert "The validation accuracy was 97.00% in epoch 1 and is 97.00% now." in told.why
    suffered = with_(records, val_accuracy=[0.99, *[0.96] * 20])
    assert first(DIGITS, suffered).severity == PROBLEM and first(DIGITS, suffered).change


def test_a_suggested_rate_has_no_digits_of_rounding():
    slow = found(DIGITS.with_(learning_rate=0.003), with_(history(*[2.2 - 0.001 * at for at in range(9)]),
                 accuracy=0.2, val_accuracy=0.2), epochs(9, update_ratio=1e-6))  # fmt: skip
    rates = [change["learning_rate"] for told in slow for change in (told.change, *told.others) if change]
    assert rates and all(len(f"{rate:g}") == len(str(rate)) or rate == float(f"{rate:.3g}") for rate in rates)
