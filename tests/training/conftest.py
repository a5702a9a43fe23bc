"""What the tests of training share: the tensors of digits."""

import pytest

from explorer.training.tensors import TrainingTensors


@pytest.fixture(scope="module")
def prepared(digits) -> TrainingTensors:
    return TrainingTensors(digits)
