"""Weights that are next to nothing cost time and change nothing: sessions run without them."""

from __future__ import annotations

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from scrub_pixels.errors import MissingDependency
from scrub_pixels.text.network import NETWORK
from scrub_pixels.text.sessions import VANISHING, open_session, without_vanishing_weights
from scrub_pixels.text.weights import RAPIDOCR_DETECTOR, RAPIDOCR_RECOGNIZER, WeightFile, verified


def weights_of(network: bytes) -> dict[str, np.ndarray]:
    model = onnx.load_model_from_string(network)
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def vanishing(values: np.ndarray) -> np.ndarray:
    return (values != 0) & (np.abs(values) < VANISHING) & (values.dtype == np.float32)


@pytest.fixture(scope="module")
def shipped() -> bytes:
    return verified(RAPIDOCR_DETECTOR).read_bytes()


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 40, (192, 320, 3)).astype(np.uint8)
    cv2.putText(picture, "SMITH JOHN", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255,) * 3, 2, cv2.LINE_AA)
    return cv2.dnn.blobFromImage(picture, 1 / 127.5, mean=(127.5, 127.5, 127.5))


def test_only_vanishing_weights_change(shipped):
    before, after = weights_of(shipped), weights_of(without_vanishing_weights(shipped))
    assert sum(int(vanishing(w).sum()) for w in before.values()) > 200_000
    assert before.keys() == after.keys()
    for name, values in before.items():
        expected = np.where(vanishing(values), np.zeros((), values.dtype), values)
        assert after[name].dtype == values.dtype and np.array_equal(after[name], expected)


def test_the_answer_stays_the_same_to_the_last_bit(shipped, batch):
    with_all = onnxruntime.InferenceSession(shipped, providers=["CPUExecutionProvider"])
    expected = with_all.run(None, {"x": batch})[0]
    found = open_session(RAPIDOCR_DETECTOR, 1).run(None, {"x": batch})[0]
    assert expected.max() > 0.5  # the text is seen
    assert np.array_equal(found, expected)


def test_metadata_survive():
    assert len(open_session(RAPIDOCR_RECOGNIZER, 1).get_modelmeta().custom_metadata_map["character"]) > 1000


def test_changed_weights_are_refused():
    changed = WeightFile(NETWORK.package, NETWORK.path, "sha256", "0" * 64, NETWORK.distribution)
    with pytest.raises(MissingDependency, match="not the ones"):
        open_session(changed, 1)
