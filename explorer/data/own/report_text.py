"""What was found in the files of a data set that a person has added, in words."""

from collections.abc import Sequence

from explorer.data.own.description import Description, PictureSize, Report
from explorer.plain_text import count

MOST_SIZES = 3


def headline(description: Description) -> str:
    """The data set in one line: how many images of which size in how many classes."""
    spec = description.spec
    number = _many(spec.labelled_images + spec.test_images, description)
    if not spec.pictures:
        return f"{number} in {spec.classes} classes, {count(spec.features, 'feature')}"
    rows, columns = spec.image_shape[:2]
    kind = "grey" if spec.channels == 1 else "colour"
    return f"{number} in {spec.classes} classes, {kind}, {columns} × {rows} pixels"


def _many(number: int, description: Description, before: str = "") -> str:
    """A number of images, or of rows of a table: "1 image", "2 validation rows"."""
    one = "image" if description.spec.pictures else "row"
    return count(number, f"{before}{one}")


def counts(report: Report) -> dict[str, tuple[int, ...]]:
    """The number of images of each class by split."""
    columns = {"training": report.train, "validation": report.validation, "test": report.test}
    return {split: numbers for split, numbers in columns.items() if numbers}


def balance(description: Description) -> list[dict[str, object]]:
    """One row per class: its name, and its images in each split."""
    return [
        {"class": name} | {split: numbers[place] for split, numbers in counts(description.report).items()}
        for place, name in enumerate(description.class_names)
    ]


def division(description: Description) -> str:
    """How the images were divided, in a sentence."""
    own_test = "; its test images are kept separate" if description.report.test else ""
    held_out = f"A fifth of each class is held out for validation, chosen with seed {description.seed}{own_test}."
    if number := description.report.redivided:
        files = count(number, "file in its validation folder was", "files in its validation folder were")
        return f"The {files} divided anew, together with the training images. {held_out}"
    return held_out


def warnings(description: Description) -> list[str]:
    """What a person should know before training, a sentence each; empty if nothing is remarkable."""
    texts = (
        _imbalance(description),
        *_repeated(description),
        _contradictory(description),
        _unreadable(description.report),
    )
    return [text for text in texts if text]


def remarks(report: Report) -> list[str]:
    """What was done with the files, a sentence each."""
    texts = (_sizes(report.sizes, report.all_sizes), _columns(report), _scaled(report), _ignored(report))
    return [text for text in texts if text]


def _imbalance(description: Description) -> str:
    report = description.report
    numbers = [sum(both) for both in zip(report.train, report.validation, strict=True)]
    share = max(numbers) / sum(numbers)
    if max(numbers) < 2 * min(numbers):
        return ""
    return (
        f"The classes are not balanced: the largest has {_many(max(numbers), description)}, the smallest "
        f"{min(numbers):,}; always predicting the largest gives an accuracy of {share:.0%}."
    )


def _repeated(description: Description) -> list[str]:
    report, texts = description.report, []
    for split, repeated in (("validation", report.validation_in_training), ("test", report.test_in_training)):
        if repeated:
            are = "is" if repeated == 1 else "are"
            texts.append(
                f"{_many(repeated, description, f'{split} ')} {are} also in the training split, so the "
                f"{split} accuracy is too high."
            )
    if report.twice:
        repeat = "repeats" if report.twice == 1 else "repeat"
        texts.append(f"{_many(report.twice, description, 'training ')} {repeat} another one exactly.")
    return texts


def _contradictory(description: Description) -> str:
    number = description.report.contradictory
    return f"{_many(number, description)} {'is' if number == 1 else 'are'} in more than one class." if number else ""


def _columns(report: Report) -> str:
    more = report.all_columns - len(report.columns)
    return f"Columns: {', '.join(report.columns)}{f' and {more:,} more' if more else ''}." if report.columns else ""


def _unreadable(report: Report) -> str:
    number = report.all_unreadable
    if not number:
        return ""
    return f"{count(number, 'file')} could not be read and {'is' if number == 1 else 'are'} left out."


def _sizes(sizes: Sequence[PictureSize], different: int) -> str:
    if not sizes:
        return ""
    if different > MOST_SIZES:
        return f"The images had {different:,} different sizes, such as {_size(sizes[0])} and {_size(sizes[1])}."
    if different > 1:
        return f"Sizes of the images: {', '.join(f'{_size(size)} ({size.files:,})' for size in sizes)}."
    return f"All images had {_size(sizes[0])} pixels."


def _size(size: PictureSize) -> str:
    return f"{size.width} × {size.height}"


def _scaled(report: Report) -> str:
    return "Pixels from 0 to 1 were multiplied by 255 and rounded." if report.scaled else ""


def _ignored(report: Report) -> str:
    number = report.all_ignored
    if not number:
        return ""
    names = ", ".join(report.ignored[:MOST_SIZES]) + (", …" if number > MOST_SIZES else "")
    return f"{count(number, 'file was', 'files were')} ignored: {names}."


def lines(description: Description) -> list[str]:
    """The whole report as lines of plain text."""
    report = description.report
    rows = balance(description)
    width = max(len("class"), *(len(str(row["class"])) for row in rows))
    columns = [name for name in rows[0] if name != "class"]
    table = ["  ".join(["class".ljust(width), *(name.rjust(10) for name in columns)])]
    for row in rows:
        table.append("  ".join([str(row["class"]).ljust(width), *(f"{row[name]:,}".rjust(10) for name in columns)]))
    more = report.all_unreadable - len(report.unreadable)
    unreadable = [f"  {text}" for text in report.unreadable] + ([f"  and {more:,} more"] if more else [])
    return [
        f"{description.name} ({description.hash}): {headline(description)}",
        *table,
        *remarks(report),
        division(description),
        *warnings(description),
        *unreadable,
    ]
