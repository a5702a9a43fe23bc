"""The rules, each on hand-made records that show its fault, on ones just short of it, and on a network that is well."""

import dataclasses
import math
import re

import pytest
from made_runs import DIGITS, history, signals

from explorer.config import FIELDS, TrainingConfig
from explorer.diagnosis import EXPLAINS, NOTE, PROBLEM, RULES, SEVERITIES, WARNING, Evidence, Finding, diagnose
from explorer.diagnosis.finding import fraction, number
from explorer.diagnosis.lessons import LESSONS, lesson_of
from explorer.diagnosis.thresholds import DEFINED, LIMITS, PUBLISHED
from explorer.diagnosis.wording import of_noun
from explorer.runs.cause import Cause
from explorer.runs.signals import SIGNALS

GUESSING = math.log(10)
WELL = history(1.2, 0.5, 0.3, 0.2, 0.15, accuracy=0.95)
HALF = history(1.9, 1.7, 1.9, 1.7, 1.8, accuracy=0.4)


def found(
    config: TrainingConfig = DIGITS, records=WELL, seen=(), cause: Cause | None = None, **more
) -> dict[str, Finding]:
    """What is found in a run, by name."""
    return {finding.name: finding for finding in diagnose(Evidence(config, records, seen, cause, **more))}


def epochs(last: int, **values) -> list:
    """The same signals from before training to an epoch."""
    return [signals(epoch, **values) for epoch in range(last + 1)]


def test_nothing_is_found_in_a_network_that_is_well():
    assert found(seen=epochs(5)) == {}


def test_nothing_is_found_before_anything_is_known():
    assert found(records=[]) == {}
    assert found(records=[], seen=epochs(0)) == {}


# --- Gradients ----------------------------------------------------------------------------------------


def test_vanishing_gradients_are_told_with_their_ratio_and_since_when():
    shrinking = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}
    seen = [signals(0), signals(1), signals(2, by_depth=shrinking), signals(3, by_depth=shrinking)]
    stuck = history(*[GUESSING] * 3, accuracy=0.1)
    finding = found(DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform"), stuck, seen)["vanishing"]
    assert (finding.severity, finding.since) == (PROBLEM, 2)
    assert "one part in 4,000,000 of the output layer's" in finding.evidence.replace("1/4", "one part in 4")
    assert finding.change == {"batch_norm": "before_activation"}


@pytest.mark.parametrize("first", [2e-4, 0.0])
def test_a_first_gradient_that_is_only_small_or_exactly_zero_does_not_vanish(first):
    seen = epochs(2, by_depth={"gradient_rms": [first, 1, 1, 1, 1, 1]})
    assert "vanishing" not in found(seen=seen)


@pytest.mark.parametrize(("step", "by_steps"), [(0.0099, False), (0.011, True)])
def test_a_gradient_that_vanishes_after_steps_that_were_too_large_is_laid_to_the_rate(step, by_steps):
    shrinking = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}
    seen = [signals(0), signals(1, update_ratio=step), signals(2, by_depth=shrinking), signals(3, by_depth=shrinking)]
    finding = found(DIGITS.with_(learning_rate=0.1), history(2.6, 2.31, 2.31, accuracy=0.1), seen)["vanishing"]
    assert finding.severity == PROBLEM and finding.since == 2
    assert (finding.change == {"learning_rate": 1e-3}) is by_steps
    assert ("Before training, it was 1." in finding.evidence) is by_steps
    assert ("so they are not the cause" in finding.why) is by_steps


def test_a_consequence_is_not_told_beside_its_cause():
    shrinking = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}
    stuck = history(*[GUESSING] * 6, accuracy=0.1)
    assert "stuck" in found(records=stuck)
    sigmoid = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform")
    told = found(sigmoid, stuck, epochs(6, by_depth=shrinking, update_ratio=1e-6))
    assert set(told) == {"vanishing"}


def test_a_lesser_cause_does_not_hide_a_problem():
    shrinking = {"gradient_rms": [1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 4e-3]}
    raw = DIGITS.with_(activation="sigmoid", kernel_initializer="glorot_uniform", input_scaling="raw")
    told = found(raw, [], [signals(0, by_depth=shrinking, saturated=0.55)])
    assert told["inputs"].severity == WARNING and told["vanishing"].severity == PROBLEM


def test_exploding_gradients_of_plain_descent_are_told_before_training():
    config = DIGITS.with_(optimizer="sgd", learning_rate=0.05, depth=40)
    seen = [signals(0, depth=40, gradient_rms=0.06)]
    finding = found(config, [], seen)["exploding"]
    assert (finding.severity, finding.since) == (PROBLEM, 0)
    assert "learning rate 0.05" in finding.evidence
    assert found(config.with_(learning_rate=1e-4), [], seen) == {}
    assert found(config.with_(optimizer="nadam"), [], seen) == {}
    assert found(config, WELL, seen) == {}  # it went well all the same
    infinite = found(config, [], [signals(0, depth=40, gradient_rms=math.inf)])["exploding"]
    assert infinite.evidence == "Before training, the gradient is already NaN or infinite."


def test_gradients_that_grow_backwards_explode():
    growing = {"gradient_rms": [8.0, 4.0, 2.0, 1.0, 0.5, 0.1]}
    bad = history(2.4, 2.5, 2.4, accuracy=0.2)
    assert found(records=bad, seen=epochs(3, by_depth=growing))["exploding"].severity == WARNING
    plain = DIGITS.with_(optimizer="sgd", learning_rate=1e-5)
    assert found(plain, bad, epochs(3, by_depth=growing))["exploding"].severity == PROBLEM
    assert "exploding" not in found(seen=epochs(3, by_depth=growing))  # it learns


@pytest.mark.parametrize(("first", "says"), [(0.29, False), (0.31, True)])
def test_batch_normalization_that_makes_gradients_grow_backwards(first, says):
    """By how much per layer follows from the last hidden layer: (0.31 / 0.005) ^ (1 / 4) = 2.81."""
    config = DIGITS.with_(activation="relu", batch_norm="before_activation", optimizer="sgd", learning_rate=0.05)
    growing = {"gradient_rms": [first, 0.1, 0.04, 0.02, 0.005, 0.01]}
    # the first step ends the explosion, and what it has done stays
    seen = [signals(0, by_depth=growing), *(signals(n, gradient_rms=0.01) for n in (1, 2, 3))]
    bad = history(2.5, 2.3, 2.2, val=[4e5, 2000.0, 120.0], accuracy=0.16)
    for records, measured in ((bad, seen), ([], seen[:1])):
        told = found(config, records, measured)
        assert ("exploding" in told) is says
        if says:
            assert (told["exploding"].severity, told["exploding"].since) == (PROBLEM, 0)
            assert (
                "grows from 0.005 in layer 5 to 0.31 in layer 1 (RMS): by a factor of 2.81"
                in told["exploding"].evidence
            )
            assert told["exploding"].change == {"skip": "pairs"}
            assert list(told["exploding"].others) == [{"activation": "elu"}, {"depth": 2}]
            assert ("The validation loss reached 400,000 in epoch 1." in told["exploding"].evidence) is bool(records)
    # whatever the optimizer is, but not without batch normalization, and not where it learns
    assert ("exploding" in found(config.with_(optimizer="nadam", learning_rate=1e-3), bad, seen)) is says
    assert "exploding" not in found(config.with_(batch_norm="off"), bad, seen)
    assert found(config, WELL, seen) == {}


def test_an_explosion_is_told_until_the_network_learns():
    config = DIGITS.with_(optimizer="sgd", learning_rate=0.05, depth=40)
    seen = [signals(0, depth=40, gradient_rms=0.06)]
    # 0.8 of chance level is 1.842
    assert "exploding" in found(config, history(2.4, 2.2, 1.85, accuracy=0.2), seen)
    assert "exploding" not in found(config, history(2.4, 2.2, 1.84, accuracy=0.2), seen)


@pytest.mark.parametrize(
    ("records", "loss", "since"),
    [
        ([], "training", 1),
        (WELL, "training", 6),
        (history(2.0, 1.0, val=[2.0, math.nan]), "validation", 2),
        (history(2.0, 1.0, val=[2.0, math.inf]), "validation", 2),
    ],
)
def test_a_loss_that_is_no_number_is_divergence(records, loss, since):
    finding = found(records=records, cause=Cause.DIVERGED)["diverged"]
    assert (finding.severity, finding.since) == (PROBLEM, since)
    assert finding.evidence.startswith(f"The {loss} loss became NaN or infinite in epoch {since}, at ")
    assert "learning rate 0.001" in finding.evidence
    assert finding.change == {"learning_rate": 1e-4}


def test_a_jump_of_the_loss_is_divergence_until_it_comes_back():
    jump = history(1.5, 0.8, 40.0, 38.0, accuracy=0.3)
    finding = found(records=jump)["diverged"]
    assert finding.since == 3 and "40" in finding.evidence and "0.8" in finding.evidence
    assert "diverged" not in found(records=history(1.5, 0.8, 40.0, 0.81))
    assert "diverged" not in found(records=history(9.0, 4.0, 2.0))  # a bad start is no jump


# --- Units --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "severity"), [(0.75, PROBLEM), (0.5, WARNING), (0.3, None)])
def test_dead_units_are_told_with_their_layer_and_share(share, severity):
    seen = [signals(0), *(signals(e, by_depth={"dead": [0, 0.1, share, 0, 0, 0]}) for e in (1, 2))]
    finding = found(DIGITS.with_(activation="relu"), HALF, seen).get("dead")
    learned = found(DIGITS.with_(activation="relu"), WELL, seen).get("dead")
    assert (learned and learned.severity) == {PROBLEM: WARNING, WARNING: NOTE}.get(severity)
    if severity is None:
        assert finding is None
    else:
        assert (finding.severity, finding.since) == (severity, 1)
        assert f"In layer 3, {share:.0%} of the 100 units output 0" in finding.evidence
        assert finding.change["learning_rate"] < 1e-3
        assert lesson_of(finding).title == "Dying ReLU"


def test_dead_units_of_the_first_layer_are_laid_to_raw_pixels_and_no_problem():
    raw = DIGITS.with_(activation="elu", input_scaling="raw")
    for by_layer, severity, change in (
        ([0.9, 0.1, 0.1, 0, 0, 0], WARNING, {"input_scaling": "standardized"}),
        ([0.9, 0.1, 0.8, 0, 0, 0], PROBLEM, {"learning_rate": 1e-4}),
    ):
        seen = [signals(0), *(signals(e, by_depth={"dead": by_layer}) for e in (1, 2))]
        finding = found(raw, HALF, seen)["dead"]
        assert (finding.severity, finding.change) == (severity, change)
    assert "In layer 3, 80%" in finding.evidence
    assert lesson_of(finding).title == "Dead units"


@pytest.mark.parametrize(("share", "severity"), [(0.9, PROBLEM), (0.5, WARNING), (0.2, None)])
def test_saturated_units(share, severity):
    config = DIGITS.with_(activation="tanh", kernel_initializer="glorot_uniform", learning_rate=0.1)
    finding = found(config, HALF, [signals(0), signals(1, saturated=share)]).get("saturated")
    assert (finding.severity if finding else None) == severity
    if finding:
        assert finding.change == {"learning_rate": 0.001}
        assert found(config, seen=[signals(0), signals(1, saturated=share)])["saturated"].severity == NOTE


def test_zeros_of_relu_are_not_saturation():
    assert found(DIGITS.with_(activation="relu"), seen=epochs(3, saturated=0.6)) == {}


def test_weights_of_zero_are_symmetric_whatever_is_seen():
    zeros = DIGITS.with_(kernel_initializer="zeros")
    assert set(found(zeros, [])) == {"symmetric"}
    still = found(zeros, history(*[GUESSING] * 4, accuracy=0.1), epochs(4, weight_norm=0.0, dead=1.0))
    assert set(still) == {"symmetric"} and "those of 5 layers are still 0" in still["symmetric"].evidence
    assert still["symmetric"].change == {"kernel_initializer": "he_normal"}
    assert found(zeros.with_(depth=0), []) == {}


def test_stuck_at_the_level_of_guessing_which_is_named():
    stuck = history(GUESSING, GUESSING, GUESSING, accuracy=0.11)
    told = found(records=stuck, seen=epochs(3, variance_over_images=1e-6))
    assert set(told) == {"stuck"} and told["stuck"].since == 1
    assert "guessing among 10 classes reaches 10.00%" in told["stuck"].evidence and "2.303" in told["stuck"].evidence
    assert "Only 0.0% of the variance in the last hidden layer is between images" in told["stuck"].evidence
    assert "stuck" not in found(records=stuck[:2])
    assert "stuck" not in found(records=history(2.0, 2.0, 2.0, accuracy=0.11))


@pytest.mark.parametrize(("dataset", "one", "article"), [("digits", "image", "an"), ("spirals", "point", "a")])
def test_texts_call_what_is_learned_by_the_word_of_the_data_set(dataset, one, article):
    noun = f"{one}s"
    config = DIGITS.with_(dataset=dataset)
    raw = config.with_(input_scaling="raw")
    told = found(config, history(GUESSING, GUESSING, GUESSING, accuracy=0.11), epochs(3, variance_over_images=1e-6))
    dead = found(raw.with_(activation="relu"), HALF, [signals(0), *(signals(e, dead=0.9) for e in (1, 2))])
    assert f"between {noun}." in told["stuck"].evidence and f"differences between {noun}" in told["stuck"].why
    inputs = "pixels" if noun == "images" else "inputs"
    assert of_noun("An image has pixels.", one) == f"{article.capitalize()} {one} has {inputs}."
    texts = [text for each in (*told.values(), *dead.values()) for text in (each.evidence, each.why)]
    texts += [lesson_of(Finding(name, NOTE, 0, "", "", one=one)).text for name in LESSONS]
    assert len(texts) > len(LESSONS) and any(noun in text for text in texts)
    if noun == "points":
        assert not [text for text in texts if re.search(r"\b(image|pixel)", text, re.IGNORECASE)]


@pytest.mark.parametrize(
    ("last", "severity"), [(1e-15, PROBLEM), (1e-6, WARNING), (0.3, NOTE), (1e5, WARNING), (1e12, PROBLEM)]
)
def test_first_weights_that_do_not_suit_are_judged_by_what_arrives(last, severity):
    config = DIGITS.with_(activation="relu", kernel_initializer="random_normal")
    variance = [1.0, 1.0, 1.0, 1.0, last, 1.0]
    told = found(config, [], [signals(0, by_depth={"activation_variance": variance})])
    assert told["initializer"].severity == severity
    assert told["initializer"].change == {"kernel_initializer": "he_normal"}


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [("elu", "he_uniform"), ("selu", "lecun_normal"), ("tanh", "glorot_uniform"), ("sigmoid", "lecun_normal")],
)
def test_first_weights_that_suit(activation, initializer):
    assert found(DIGITS.with_(activation=activation, kernel_initializer=initializer), seen=epochs(3)) == {}


def test_a_costly_start_on_raw_pixels_is_a_warning():
    raw = DIGITS.with_(input_scaling="raw")
    costly = history(4.657, 2.096, 1.979)
    told = found(raw, costly, epochs(3, activation_variance=49.0))
    assert told["inputs"].severity == WARNING and told["inputs"].change == {"input_scaling": "standardized"}
    assert "4.7" in told["inputs"].evidence and "2.30" in told["inputs"].evidence and "49" in told["inputs"].evidence
    assert found(raw, history(2.1, 1.0)) == {}
    assert found(raw.with_(batch_norm="after_activation"), costly) == {}


def test_raw_pixels_that_make_gradients_explode_are_the_cause():
    raw = DIGITS.with_(input_scaling="raw", optimizer="sgd", learning_rate=0.05)
    told = found(raw, [], [signals(0, gradient_rms=5.0, activation_variance=49.0)])
    assert set(told) == {"inputs"} and told["inputs"].severity == PROBLEM


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_scaling": "raw"}, "inputs are not standardized"),
        ({"kernel_initializer": "he_normal"}, "he normal, not lecun normal"),
        ({"batch_norm": "after_activation"}, "batch normalization makes self-normalization redundant"),
        ({"dropout": "hidden"}, "ordinary dropout shifts"),
    ],
)
def test_what_breaks_self_normalisation_is_named(changes, words):
    selu = DIGITS.with_(activation="selu", kernel_initializer="lecun_normal")
    assert "self_normalisation" not in found(selu, seen=epochs(3))
    told = found(selu.with_(**changes), HALF, epochs(3))["self_normalisation"]
    assert found(selu.with_(**changes), seen=epochs(3))["self_normalisation"].severity == NOTE
    assert words in told.evidence.lower() and told.severity == WARNING
    assert set(told.change) - {"dropout_rate"} == set(changes)
    far = epochs(3, activation_variance=30.0)
    measured = found(selu.with_(**changes), HALF, far)["self_normalisation"]
    assert measured.severity == PROBLEM and "variance 30" in measured.evidence
    for val_accuracy, severity in ((0.94, WARNING), (0.96, NOTE)):
        learned = [dataclasses.replace(record, accuracy=0.97, val_accuracy=val_accuracy) for record in HALF]
        assert found(selu.with_(**changes), learned, far)["self_normalisation"].severity == severity


def test_variance_that_drifts_with_depth_by_itself_is_a_note():
    selu = DIGITS.with_(activation="selu", kernel_initializer="lecun_normal")
    variance = {"activation_variance": [1.0, 1.5, 2.0, 3.0, 6.0, 1.0]}
    told = found(selu, seen=[signals(0, by_depth=variance), *epochs(3)[1:]])["self_normalisation"]
    assert told.severity == NOTE and "layer 5" in told.evidence and not told.change


@pytest.mark.parametrize(("size", "severity"), [(1, PROBLEM), (2, PROBLEM), (4, WARNING), (8, WARNING), (16, None)])
def test_batch_norm_with_tiny_batches(size, severity):
    finding = found(DIGITS.with_(batch_norm="after_activation", batch_size=size)).get("tiny_batches")
    assert (finding.severity if finding else None) == severity
    assert found(DIGITS.with_(batch_size=size)) == {}


def test_layers_without_an_activation():
    linear = DIGITS.with_(activation="linear", kernel_initializer="glorot_normal")
    assert found(linear)["linear"].severity == WARNING
    assert found(linear.with_(depth=0)) == {}


# --- Curves -------------------------------------------------------------------------------------------


def test_steps_that_are_too_large_are_a_problem_until_it_has_learnt_all_the_same():
    large = [signals(0), *(signals(e, update_ratio=0.08) for e in (1, 2, 3))]
    jumping = history(1.5, 1.6, 1.5, accuracy=0.5)
    finding = found(DIGITS.with_(learning_rate=0.05), jumping, large)["rate_too_high"]
    assert (finding.severity, finding.since) == (PROBLEM, 1) and "8.0%" in finding.evidence
    assert finding.change == {"learning_rate": 0.001}
    assert "rate_too_high" not in found(records=WELL, seen=large)
    ragged = history(1.2, 0.5, 0.3, 0.5, 0.3, accuracy=0.95)
    assert found(records=ragged, seen=large)["rate_too_high"].severity == WARNING
    suggested = found(records=jumping, seen=large, suggested_rate=3e-4)["rate_too_high"]
    assert (
        suggested.change == {"learning_rate": 3e-4} and "The learning-rate finder suggests 0.0003" in suggested.evidence
    )


def test_a_training_loss_that_rises_half_of_the_time():
    ragged = history(*[1.5, 1.6, 1.4, 1.7, 1.45, 1.5, 1.4, 1.6, 1.5], accuracy=0.4)
    told = found(records=ragged)["rate_too_high"]
    assert told.severity == WARNING and "rose in 4 of the last 8 epochs" in told.evidence


def test_a_training_loss_that_rises_half_of_the_time_and_hardly_is_at_rest():
    resting = history(*[1.5, 1.51, 1.49, 1.52, 1.5, 1.51, 1.49, 1.52, 1.5], accuracy=0.4)
    assert "rate_too_high" not in found(records=resting)


def test_steps_that_are_too_small():
    slow = history(4.545, 4.541, 4.538, 4.534, accuracy=0.07)
    tiny = [signals(0), *(signals(e, update_ratio=4e-7) for e in (1, 2, 3, 4))]
    told = found(DIGITS.with_(learning_rate=1e-7), slow, tiny)
    assert set(told) == {"rate_too_low"} and told["rate_too_low"].since == 1
    assert told["rate_too_low"].change == {"learning_rate": 1e-3}
    assert "rate_too_low" not in found(records=history(2.0, 1.5, 1.0), seen=tiny[:4])


@pytest.mark.parametrize(("end", "severity"), [(2.0, PROBLEM), (1.6, WARNING), (1.51, None)])
def test_overfitting_is_told_with_its_onset(end, severity):
    records = history(1.9, 1.6, 1.4, *[1.2] * 14, 1.0, val=[1.9, 1.7, 1.5, *[end] * 15])
    finding = found(records=records).get("overfitting")
    assert (finding.severity if finding else None) == severity
    if finding:
        assert finding.since == 4 and "Since epoch 3" in finding.evidence and "1.500" in finding.evidence
        assert (
            found(records=[*records[:9], dataclasses.replace(records[-1], epoch=10)])["overfitting"].severity == NOTE
        )  # it may still be noise
        assert "Over 5 layers, a higher rate would drop too much." in finding.why
        assert "layers" not in found(DIGITS.with_(depth=1), records)["overfitting"].why


def test_a_plateau_is_underfitting_only_where_training_is_bad_and_validation_no_worse():
    level = [1.5, 1.2, *[1.0] * 12]
    told = found(DIGITS.with_(width=20), history(*level))["underfitting"]
    assert told.severity == WARNING and told.since == 3 and told.change == {"width": 80}
    assert "underfitting" not in found(records=history(*level, accuracy=0.99))
    assert "underfitting" not in found(records=history(*level, val=[2.0 * loss for loss in level]))


def test_validation_better_than_training_is_a_note_that_says_why():
    better = history(1.0, 0.9, 0.8, val=[0.8, 0.7, 0.6])
    told = found(records=better)["validation_better"]
    assert told.severity == NOTE and "mean over an epoch" in told.why and not told.change
    assert "noise of each batch" in found(DIGITS.with_(batch_norm="after_activation"), better)["validation_better"].why
    dropout = DIGITS.with_(dropout="hidden")
    assert "Dropout switches off" in found(dropout, better)["validation_better"].why
    for changes in ({"flip": "horizontal"}, {"shift": 1}, {"mixup": 0.2}):
        assert "Augmentation makes" in found(dropout.with_(**changes), better)["validation_better"].why


def test_patience_that_ends_in_the_noise():
    records = history(1.0, 0.8, 0.6, 0.5, val=[1.1, 0.9, 0.8, 0.81])
    stopped = Cause.EARLY_STOPPING
    told = found(DIGITS.with_(patience=1), records, cause=stopped)["patience_too_short"]
    assert told.severity == WARNING and "+1.2% compared with the best" in told.evidence
    assert "patience_too_short" not in found(DIGITS.with_(patience=20), records * 6, cause=stopped)
    assert "patience_too_short" not in found(DIGITS.with_(patience=1), records, cause=Cause.ALL_EPOCHS)


# --- What holds for all -------------------------------------------------------------------------------


def test_every_rule_has_a_lesson_with_a_source_and_every_lesson_a_rule():
    named = {rule.__name__ for rule in RULES}
    assert named == set(LESSONS)
    assert set(EXPLAINS) | set().union(*EXPLAINS.values()) <= named
    for lesson in LESSONS.values():
        assert lesson.link.startswith("http") and lesson.source and lesson.title
        assert all(part in lesson.text for part in ("**What you see.**", "**Why.**", "**What helps.**"))
        assert lesson.signal in ("", *SIGNALS)


def test_every_threshold_is_used_and_has_a_source():
    from pathlib import Path

    import explorer.diagnosis

    code = "".join(path.read_text(encoding="utf-8") for path in Path(explorer.diagnosis.__path__[0]).glob("*.py"))
    for name, limit in LIMITS.items():
        assert limit.source and limit.of
        assert code.count(f'"{name}"') > 1, name


def test_every_threshold_says_on_which_seeds_it_was_set_and_none_on_those_for_measuring():
    for name, limit in LIMITS.items():
        seeds = [int(number) for number in re.findall(r"\d+", limit.seeds)]
        assert (bool(seeds) and max(seeds) < 1000) or limit.seeds in (PUBLISHED, DEFINED), name


def test_the_gravest_comes_first():
    records = history(4.657, 2.5, 2.4, *[2.4] * 12, val=[5, 3, 1.0, *[2.0] * 12])
    told = list(found(DIGITS.with_(input_scaling="raw", kernel_initializer="lecun_normal"), records).values())
    ranks = [SEVERITIES.index(finding.severity) for finding in told]
    assert len(told) > 1 and ranks == sorted(ranks)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, 1e-30, 1e30])
@pytest.mark.parametrize(
    "field", [f.name for f in dataclasses.fields(signals(0).layers[0]) if f.type in ("float", float)]
)
def test_no_rule_stumbles_over_strange_figures(field, value):
    for activation in FIELDS["activation"].choices:
        for optimizer in ("sgd", "nadam"):
            config = DIGITS.with_(activation=activation, optimizer=optimizer)
            for finding in diagnose(Evidence(config, history(2.0, value, 2.0), epochs(3, **{field: value}))):
                config.with_(**finding.change)


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.5, "0.5"), (1 / 4000, "1/4,000"), (1e-12, "one part in 1.0 · 10¹²"), (0.0, "0")]
)
def test_ratios_in_words(ratio, words):
    assert fraction(ratio) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(4.657, "4.7"), (4321, "4,300"), (0.0012, "0.0012"), (3.2e8, "3.2 · 10⁸"), (math.inf, "infinite")],
)
def test_numbers_in_words(value, words):
    assert number(value) == words


def test_no_two_findings_explain_each_other():
    assert [(a, b) for a, explained in EXPLAINS.items() for b in explained if a in EXPLAINS.get(b, ())] == []
