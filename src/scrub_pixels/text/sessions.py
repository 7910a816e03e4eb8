"""Sessions of ONNX Runtime on verified weights, with the weights that are next to nothing set to nothing.

A quarter of a million weights in two layers of PP-OCRv6's detector are subnormal (below 2^-126): pruned
in training, never set to zero. An x86 processor multiplies such numbers by microcode, and these two
layers of 83 then take two thirds of the detector's time. Products of weights below `VANISHING` with
anything a layer sees are below the last bit of its sums, so setting them to zero changes no answer.
Telling the processor instead to take subnormals for zero would hold for whatever else the thread
computes, pixels included.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scrub_pixels.text.weights import WeightFile, verified

VANISHING = 1e-20
"""Weights of a lesser magnitude are set to zero."""


def open_session(weights: WeightFile, threads: int) -> Any:
    """Return an ONNX Runtime session on the CPU.

    Parameters
    ----------
    weights
        The network, checked against its digest.
    threads
        CPU threads the session may use, at least 1.

    Raises
    ------
    MissingDependency
        If the weights are absent or changed.
    """
    import onnxruntime  # heavy: only for those who detect or read

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    network = without_vanishing_weights(verified(weights).read_bytes())
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def without_vanishing_weights(network: bytes) -> bytes:
    """Return a serialised ONNX model whose float32 initializers hold nothing between 0 and `VANISHING`."""
    import onnx

    model = onnx.load_model_from_string(network)
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        vanishing = (np.abs(values) < VANISHING) & (values != 0)
        if vanishing.any():
            cleaned = np.where(vanishing, np.float32(0), values)
            tensor.CopyFrom(onnx.numpy_helper.from_array(cleaned, tensor.name))
    return bytes(model.SerializeToString())
