"""An image of the user's own: the original, the network's input, and the prediction."""

import streamlit as st

from explorer.data.pictures import LARGEST_UPLOAD
from explorer.errors import ExplorerError, InputError
from explorer.evaluation.images import Upload, as_uri, png_uri, proportions, read_upload
from explorer.pages import resources
from explorer.pages.evaluate.shared import EvaluatedModel, answered, show_failure
from explorer.pages.evaluate.state import CAMERA, SOURCE, UPLOAD
from explorer.pages.run.links import run_name
from explorer.pages.text import LONGEST_SENTENCE, foreign

FILE, PHOTO = "File", "Camera"
SEEN = "width:min(100%,260px);aspect-ratio:{};image-rendering:pixelated;border-radius:8px"
ORIGINAL = "max-width:min(100%,360px);max-height:260px;border-radius:8px"


def draw(evaluated: EvaluatedModel, _) -> None:
    """Draws the upload or the photo, and the prediction."""
    source = st.segmented_control(
        "Source", (FILE, PHOTO), default=FILE, required=True, key=SOURCE, label_visibility="collapsed"
    )
    if source == FILE:
        megabytes = LARGEST_UPLOAD // 2**20
        file = st.file_uploader(
            "PNG, JPEG or WebP image of any size", max_upload_size=megabytes, key=UPLOAD,
            help="It stays on this machine and is not saved.",
        )  # fmt: skip
    else:
        file = st.camera_input("Photo", key=CAMERA, width=480)
    if file is None:
        spec = evaluated.dataset.spec
        st.caption(f"It is resized to {spec.image_shape[1]} × {spec.image_shape[0]} pixels, the network's input size. "
                   f"The network knows only these classes: {', '.join(map(foreign, spec.class_names))}.")  # fmt: skip
        return
    try:
        upload = read_upload(file.getvalue(), file.name, evaluated.dataset.spec)
        answer = resources.library().probabilities(evaluated.request, upload.image)
        probabilities = answered(answer, f"Predicting with {run_name(evaluated.model.name)}")
    except (InputError, ExplorerError) as error:
        show_failure(error, evaluated.request, ":material/broken_image:")
        return
    _answer(evaluated, upload, probabilities[0])


def _answer(evaluated: EvaluatedModel, upload: Upload, probabilities) -> None:
    from explorer.charts.evaluation import probability_bars, probability_frame

    spec = evaluated.dataset.spec
    names = spec.class_names
    best = int(probabilities.argmax())
    original, seen, said = st.columns([4, 3, 5])
    with original:
        st.markdown("**Your image**")
        st.html(f'<img src="{as_uri(upload.original)}" alt="the uploaded image" style="{ORIGINAL}">')
        st.caption(foreign(upload.description, LONGEST_SENTENCE))
    with seen:
        st.markdown("**What the network sees**")
        source, style = png_uri(upload.image, spec.max_value), SEEN.format(proportions(spec.image_shape))
        st.html(f'<img src="{source}" alt="the image as the network sees it" style="{style}">')
    with said:
        st.markdown(
            f"**{run_name(evaluated.model.name)} predicts {foreign(names[best])}, "
            f"probability {probabilities[best]:.1%}**"
        )
        st.altair_chart(
            probability_bars(probability_frame(probabilities, names)),
            key="own_probabilities",
            alt="the probability of each class",
        )
