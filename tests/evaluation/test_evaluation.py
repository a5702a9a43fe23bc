"""Figures, comparison, gallery, pictures and exports of an evaluation, against scikit-learn, SciPy and sums by hand."""

import base64
import io
import json
import math
import os
import random
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from explorer.config import TrainingConfig
from explorer.data import datasets
from explorer.errors import FieldError, InputError
from explorer.evaluation import html_report, metrics, report
from explorer.evaluation.image_filter import ALL, HITS, MISTAKES, Filter, choose
from explorer.evaluation.images import filter_sheet, png_uri, read_upload
from explorer.evaluation.mcnemar import Comparison, mcnemar_p_value
from explorer.evaluation.metrics import Evaluation
from explorer.evaluation.predictions import Facts, Predictions, Request
from explorer.evaluation.saved_models import SavedModel
from explorer.runs import table_export
from explorer.runs.run import Run
from explorer.runs.run_summary import summarize
from explorer.runs.store import RunStore

CIFAR10, DIGITS = datasets.spec_of("cifar10"), datasets.spec_of("digits")


def evaluation(images: int = 360, seed: int = 0) -> Evaluation:
    """Answers that are often right, as a model's are."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 10, images)
    logits = draw.normal(size=(images, 10)) + 1.2 * np.eye(10)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    losses = -np.log(probabilities[np.arange(images), labels])
    return Evaluation(probabilities.astype("float32"), losses.astype("float32"), labels, DIGITS.class_names)


BY_HAND = Evaluation(
    np.array([[0.85, 0.1, 0.05], [0.65, 0.25, 0.1], [0.2, 0.25, 0.55], [0.1, 0.15, 0.75]], "float32"),
    np.array([0.2, 1.4, 1.4, 0.3], "float32"),
    np.array([0, 1, 1, 2]),
    ("a", "b", "c"),
)


# --- figures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "verdict"),
    [(80, "well calibrated"), (86, "well calibrated"), (90, "underconfident"), (70, "overconfident")],
)
def test_confidence_within_the_interval_of_the_accuracy_is_neither_too_high_nor_too_low(right, verdict):
    """At a confidence of 0.8 on 100 images; 0.8 itself is equal to the accuracy."""
    probabilities = np.tile(np.array([[0.8, 0.2]], "float32"), (100, 1))
    labels = np.array([0] * right + [1] * (100 - right))
    losses = np.zeros(100, "float32")
    assert Evaluation(probabilities, losses, labels, ("no", "yes")).confidence_verdict == verdict


def test_figures_worked_out_by_hand():
    assert BY_HAND.accuracy == 0.5
    assert BY_HAND.top_2_accuracy == 1.0
    assert BY_HAND.loss == pytest.approx(0.825)
    assert BY_HAND.matrix.tolist() == [[1, 0, 0], [1, 0, 1], [0, 0, 1]]
    # one image a bin: right at 0.85 and 0.75, wrong at 0.65 and 0.55
    assert BY_HAND.calibration_error == pytest.approx((0.15 + 0.25 + 0.65 + 0.55) / 4, rel=1e-6)


def test_wilson_interval_of_textbook_cases():
    # 10 of 100: centre (0.1 + 3.8415/200) / 1.038415, half 1.96/1.038415 · √(0.0009 + 3.8415/40000)
    assert metrics.wilson_interval(10, 100) == pytest.approx((0.05522914, 0.17436566), abs=1e-7)
    low, high = metrics.wilson_interval(0, 10)
    assert low == 0 and high == pytest.approx(3.841458820694124 / 13.841458820694124)
    assert metrics.wilson_interval(10, 10) == pytest.approx((1 - high, 1.0))
    assert metrics.wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("count", [1, 7, 360, 10_000])
def test_the_wilson_interval_is_that_of_scipy(count):
    from scipy.stats import binomtest

    for hits in range(0, count + 1, max(1, count // 20)):
        expected = binomtest(hits, count).proportion_ci(method="wilson")
        assert metrics.wilson_interval(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_classes_and_matrix_are_those_of_scikit_learn():
    from sklearn.metrics import classification_report, confusion_matrix, log_loss, top_k_accuracy_score

    found = evaluation()
    report = classification_report(
        found.labels, found.predicted, target_names=found.class_names, output_dict=True, zero_division=0
    )
    for row in found.classes:
        expected = report[row.name]
        told = (row.precision, row.recall, row.f1, row.support)
        assert told == pytest.approx(
            (expected["precision"], expected["recall"], expected["f1-score"], expected["support"])
        )
    assert (found.matrix == confusion_matrix(found.labels, found.predicted)).all()
    assert found.top_2_accuracy == pytest.approx(top_k_accuracy_score(found.labels, found.probabilities, k=2))
    exact = found.probabilities.astype(float)
    exact /= exact.sum(axis=1, keepdims=True)
    assert found.loss == pytest.approx(log_loss(found.labels, exact), rel=1e-6)
    assert 0.2 < found.accuracy < 0.9


def test_a_class_without_images_or_without_predictions_is_zero_not_a_fault():
    rows = metrics.per_class(np.array([[0, 0], [3, 0]]), ("never there", "never said"))
    assert [(row.precision, row.recall, row.f1, row.support) for row in rows] == [(0, 0, 0, 0), (0, 0, 0, 3)]
    assert metrics.row_shares(np.array([[0, 0], [3, 1]])).tolist() == [[0, 0], [0.75, 0.25]]


def test_calibration_bins_hold_every_image_once_and_edges_belong_below():
    confidence = np.array([0.1, 0.1000001, 1.0, 0.0])
    bins = metrics.calibration_bins(confidence, np.array([True, False, True, False]))
    assert [b.count for b in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert bins[0].accuracy == 0.5 and bins[-1].accuracy == 1.0 and math.isnan(bins[4].accuracy)
    assert sum(b.count for b in evaluation().calibration) == 360


def test_figures_are_json_without_nan():
    told = json.loads(json.dumps(evaluation().to_dict(), allow_nan=False))
    assert told["images"] == 360 and sum(map(sum, told["confusion_matrix"])) == 360
    assert [row["name"] for row in told["per_class"]] == list("0123456789")


# --- two models -------------------------------------------------------------------------------------------


def test_the_interval_of_a_paired_difference_is_bonett_and_prices():
    """The example of `ci.prop.ps` in the R package statpsych, by the method's author."""
    low, high = Comparison(both=6, only_a=4, only_b=26, neither=12).interval
    assert (low, high) == (pytest.approx(0.2548067, abs=1e-6), pytest.approx(0.6251933, abs=1e-6))
    assert Comparison(6, 4, 26, 12).difference == pytest.approx(22 / 48)
    assert Comparison(6, 26, 4, 12).interval == (pytest.approx(-high), pytest.approx(-low))


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (0, 0, 1, 0), (5, 0, 0, 5), (0, 9, 0, 0)])
def test_the_interval_of_few_or_equal_images_holds_its_difference_and_stays_within_one(counts):
    compared = Comparison(*counts)
    assert -1 <= compared.interval[0] <= compared.difference <= compared.interval[1] <= 1


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 2), (30, 12), (100, 100), (700, 912), (3, 40)])
def test_mcnemar_is_the_exact_binomial_test(only_a, only_b):
    from scipy.stats import binomtest

    expected = binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
    assert mcnemar_p_value(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_comparison_counts_and_says_who_is_better():
    right_a = np.array([True] * 50 + [False] * 50)
    right_b = np.array([True] * 30 + [False] * 65 + [True] * 5)
    compared = Comparison.of(right_a, right_b)
    assert (compared.both, compared.only_a, compared.only_b, compared.neither) == (30, 20, 5, 45)
    sentence = compared.sentence("A", "B")
    assert "A is better than B" in sentence and "A is correct on 20 and B on 5" in sentence
    assert "A and B do not differ significantly" in Comparison(10, 3, 2, 5).sentence("A", "B")
    assert "exactly the same images" in Comparison.of(right_a, right_a).sentence("A", "B")


# --- the gallery ------------------------------------------------------------------------------------------


def test_mistakes_come_most_confident_first_and_hits_least_confident_first():
    found = evaluation()
    mistakes, hits = choose(found, Filter(MISTAKES)), choose(found, Filter(HITS))
    assert not found.right[mistakes].any() and found.right[hits].all()
    assert (np.diff(found.confidence[mistakes]) <= 0).all() and (np.diff(found.confidence[hits]) >= 0).all()
    assert len(mistakes) + len(hits) == found.images == len(choose(found, Filter(ALL)))


def test_filters_by_class_and_search():
    found = evaluation()
    cell = choose(found, Filter(ALL, true=3, predicted=5))
    assert len(cell) == found.matrix[3, 5] > 0
    assert (cell == choose(found, Filter(ALL, search=" 3 > 5 "))).all()
    assert choose(found, Filter(ALL, search="#12")).tolist() == [12]
    either = choose(found, Filter(ALL, search="7"))
    assert ((found.labels[either] == 7) | (found.predicted[either] == 7)).all()
    assert len(either) == found.matrix[7].sum() + found.matrix[:, 7].sum() - found.matrix[7, 7]


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("#360", "no image 360"),
        ("horse", "'horse' is not a class"),
        ("1 > 2 > 3", "more than two"),
        (">", "is not a class"),
    ],
)
def test_a_search_for_nothing_is_explained(search, words):
    with pytest.raises(InputError, match=words):
        choose(evaluation(), Filter(search=search))


# --- pictures in ------------------------------------------------------------------------------------------


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def halves(left: tuple, right: tuple, size: tuple[int, int] = (100, 100)) -> Image.Image:
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_any_mode_becomes_what_the_network_sees(mode):
    white = 65_535 if mode == "I;16" else 255
    picture = Image.new(mode, (90, 60), white) if mode in ("I;16", "L") else Image.new("L", (90, 60), 255).convert(mode)
    upload = read_upload(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"), "x", CIFAR10)
    assert upload.image.shape == (32, 32, 3) and upload.image.dtype == np.uint8
    assert upload.image.min() > 240, "a white picture stays white"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_keep_their_colours(kind):
    upload = read_upload(encoded(halves((255, 0, 0), (0, 0, 255)), kind), "x", CIFAR10)
    assert np.abs(upload.image[16, 4].astype(int) - (255, 0, 0)).max() < 12
    assert np.abs(upload.image[16, 28].astype(int) - (0, 0, 255)).max() < 12
    assert "100 × 100 pixels, shrunk to 32 × 32" in upload.description


def test_transparent_is_white_and_wide_is_cut_to_its_middle():
    clear = read_upload(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0))), "x", CIFAR10)
    assert (clear.image == 255).all()
    wide = Image.new("RGB", (300, 100), (0, 255, 0))
    wide.paste((9, 9, 9), (100, 0, 200, 100))
    assert (read_upload(encoded(wide), "x", CIFAR10).image == 9).all()


def test_exif_rotation_is_undone():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it a quarter clockwise
    upload = read_upload(encoded(halves((255, 255, 255), (0, 0, 0)), "JPEG", exif=exif), "x", CIFAR10)
    assert upload.image[2].min() > 240 and upload.image[29].max() < 15


def test_an_image_of_the_data_set_survives_unchanged(digits):
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (read_upload(encoded(Image.fromarray(image)), "x", CIFAR10).image == image).all()
    digit = digits.images[3]
    light = read_upload(encoded(Image.fromarray((digit * 15).astype(np.uint8))), "x", DIGITS)
    assert np.abs(light.image.astype(int) - digit * 15 / 255 * 16).max() <= 1
    dark = read_upload(encoded(Image.fromarray((255 - digit * 15).astype(np.uint8))), "x", DIGITS)
    assert (dark.image == light.image).all() and "light on dark" in dark.description


def test_a_single_pixel_is_enough():
    assert (read_upload(encoded(Image.new("RGB", (1, 1), (7, 8, 9))), "x", CIFAR10).image == (7, 8, 9)).all()


def bomb() -> bytes:
    """A PNG that says it has 50,000 × 50,000 pixels."""
    small = bytearray(encoded(Image.new("L", (8, 8))))
    small[16:24] = (50_000).to_bytes(4, "big") * 2
    small[29:33] = zlib.crc32(small[12:29]).to_bytes(4, "big")
    return bytes(small)


def moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (20, 20), (shade, 0, 0)) for shade in (0, 128, 255)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "'x' is empty"),
        (b"just a text", "cannot be read as an image"),
        (encoded(halves((1, 2, 3), (200, 100, 0)))[:150], "truncated or damaged"),
        (encoded(halves((1, 2, 3), (200, 100, 0)), "JPEG")[:400], "truncated or damaged"),
        (bomb(), "pixels"),
        (moving("GIF"), "is a GIF; it must be a PNG"),
        (moving("WEBP"), "is animated; it must be a PNG"),
        (moving("PNG"), "is animated; it must be a PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20 * 2**20), "more than 20 MiB"),
    ],
)
def test_a_bad_picture_is_one_sentence(content, words):
    with pytest.raises(InputError, match=words) as caught:
        read_upload(content, "x", CIFAR10)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 160


# --- pictures out -----------------------------------------------------------------------------------------


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def test_images_are_shown_pixel_for_pixel(digits):
    image = np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (decoded(png_uri(image)) == image).all()
    assert (decoded(png_uri(digits.images[0], 16)) == np.rint(digits.images[0] / 16 * 255)).all()


def test_filters_are_tiles_with_grey_as_zero():
    filters = np.zeros((3, 4, 4, 3), "float32")
    filters[1, 0, 0] = (2, -2, 0)
    sheet = np.asarray(Image.open(io.BytesIO(filter_sheet(filters, 2))))
    assert sheet.shape == (9, 9, 4)
    assert sheet[0, 0].tolist() == [128, 128, 128, 255] and sheet[0, 5].tolist() == [255, 0, 128, 255]
    assert sheet[4, 0, 3] == 0 and sheet[8, 8, 3] == 0  # the gap, and the tile that is not there


# --- what is asked, kept and exported ---------------------------------------------------------------------


def test_a_request_says_what_is_allowed():
    with pytest.raises(FieldError, match="split: 'train' is not allowed; it must be one of validation, test"):
        Request("p", "n", split="train")
    with pytest.raises(FieldError, match="scaling: 'log' is not allowed; it must be one of automatic, raw"):
        Request("p", "n", scaling="log")


def predictions(found: Evaluation) -> Predictions:
    facts = Facts("ab" * 32, (8, 8), 10, 1234, 5, "digits", "carried", "the model scales the pixels itself")
    return Predictions(facts, "validation", found.probabilities, found.losses, 0.25, 1.5)


def test_predictions_on_the_books_division_have_its_labels(tmp_path, digits):
    """A run is judged on the images that it kept back, and the answer is not taken for one about other images."""
    book = replace(predictions(evaluation(179)), division="book")
    book.save(tmp_path / "kept.npz")
    again = Predictions.load(tmp_path / "kept.npz")
    assert (again.evaluation(digits).labels == digits.labels[:179]).all()
    assert Request("p", "n", division="book").key != Request("p", "n").key


def test_predictions_survive_the_disk(tmp_path, digits):
    kept = predictions(evaluation())
    kept.save(tmp_path / "kept.npz")
    again = Predictions.load(tmp_path / "kept.npz")
    assert again.facts == kept.facts and (again.split, again.seconds, again.load_seconds) == ("validation", 0.25, 1.5)
    assert (again.probabilities == kept.probabilities).all() and (again.losses == kept.losses).all()
    assert (again.evaluation(digits).labels == digits.labels[digits.validation]).all()
    for damage in (b"", b"text", (tmp_path / "kept.npz").read_bytes()[:2000]):
        (tmp_path / "damaged.npz").write_bytes(damage)
        with pytest.raises((OSError, ValueError)):
            Predictions.load(tmp_path / "damaged.npz")


def test_damaged_predictions_are_no_answer_or_still_fit(tmp_path):
    kept, path, rng = predictions(evaluation()), tmp_path / "kept.npz", random.Random(1)
    kept.save(path)
    content, refused = path.read_bytes(), 0
    for _ in range(150):
        changed = bytearray(content)
        for _ in range(rng.choice((1, 20, 500))):
            changed[rng.randrange(len(changed)) if rng.random() < 0.5 else -rng.randrange(1, 400)] = rng.randrange(256)
        path.write_bytes(changed[: rng.choice((len(changed), rng.randrange(len(changed))))])
        try:
            assert Predictions.load(path).fits()
        except ValueError:
            refused += 1
    assert refused > 50
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match="not a regular file"):
        Predictions.load(path)


@pytest.mark.parametrize("what", ["fewer images", "another type", "another data set", "a shape alone", "packed"])
def test_predictions_that_do_not_fit_their_images_are_refused(tmp_path, what):
    kept, path = predictions(evaluation()), tmp_path / "kept.npz"
    if what == "fewer images":
        kept = replace(kept, losses=kept.losses[:-1])
    if what == "another type":
        kept = replace(kept, losses=kept.losses.astype("float64"))
    if what == "another data set":
        kept = replace(kept, facts=replace(kept.facts, dataset="cifar10"))
    if what == "packed":
        kept = replace(kept, probabilities=np.zeros((2 * 10**7, 1), "float32"))
    kept.save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    if what == "packed":
        np.savez_compressed(path, **arrays)
        assert path.stat().st_size < 1_000_000
    if what == "a shape alone":
        with zipfile.ZipFile(path, "w") as archive:
            for name, array in arrays.items():
                stream = io.BytesIO()
                np.save(stream, array)
                text = stream.getvalue()
                if name == "losses":
                    text = text.replace(b"(360,), }         ", b"(9999999999999,), }")
                    assert b"9999" in text
                archive.writestr(f"{name}.npy", text)
    with pytest.raises(ValueError, match=r"kept\.npz contains"):
        Predictions.load(path)


def test_exports_hold_every_prediction(digits):
    found = predictions(evaluation()).evaluation(digits)
    frame = html_report.predictions_frame(digits, "validation", found)
    for again in (
        pd.read_csv(io.BytesIO(table_export.to_csv(frame)), dtype={"true": str, "predicted": str}),
        pd.read_parquet(io.BytesIO(table_export.to_parquet(frame))),
    ):
        assert len(again) == 360 and again["right"].mean() == pytest.approx(found.accuracy)
        assert (again["image"] == digits.validation).all() and (again["true"].astype(int) == found.labels).all()
        np.testing.assert_allclose(again[[f"p_{n}" for n in "0123456789"]], found.probabilities, rtol=1e-5)


def test_the_page_as_a_file_says_that_its_loss_has_no_label_smoothing(tmp_path, digits):
    found = predictions(evaluation()).evaluation(digits)

    def page(run: Run) -> str:
        model = SavedModel(run.name, run.path / "best.keras", summarize(run))
        values = report.values(model, predictions(evaluation()), looks=0)
        return html_report.to_html(values, digits, "validation", found).decode()

    store = RunStore(tmp_path)
    words = "The losses that its run recorded include label smoothing; this loss does not."
    assert f"<p>{words}</p>" in page(store.create(TrainingConfig(dataset="digits", label_smoothing=0.1)))
    assert "label smoothing" not in page(store.create(TrainingConfig(dataset="digits")))
