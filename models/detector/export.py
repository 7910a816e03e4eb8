"""Write the averaged weights of a training run as the ONNX file that the package ships.

``python export.py RUN/last.pt ../../src/scrub_pixels/text/network.onnx``

Normalisation and sigmoid are part of the file: it takes ``image`` uint8 ``(1, H, W, 3)`` RGB, sides
multiples of 16, and gives ``probability`` float32 ``(1, 3, H/2, W/2)``. Prints the SHA-256 that belongs
into ``network.py`` and ``models/manifest.toml``. Needs the packages onnx and onnxruntime.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from model import MEAN, SCALE, TextNetwork
from torch import Tensor, nn


class Deployed(nn.Module):
    """The network with its normalisation before and its sigmoid behind.

    Pixel-unshuffle and the stem's first convolution are one convolution at the picture's own resolution, and
    the scale of the normalisation is part of its weights: the same sums, an eighth of the time saved.
    """

    def __init__(self, network: TextNetwork) -> None:
        super().__init__()
        self.network = network
        self.first = unshuffled(network.stem[0][0])

    def forward(self, image: Tensor) -> Tensor:
        """Return probabilities."""
        samples = image.permute(0, 3, 1, 2).float() - 255 * MEAN
        (_, normalise, activate), residual = self.network.stem
        return self.network.after_stem(residual(activate(normalise(self.first(samples))))).sigmoid()


def unshuffled(convolution: nn.Conv2d) -> nn.Conv2d:
    """Return a 3x3 convolution of a picture unshuffled by 2 as a 6x6 one, with stride 2, of the picture."""
    weights = convolution.weight.detach()
    wide = torch.zeros(weights.shape[0], weights.shape[1] // 4, 6, 6)
    for row in range(2):
        for column in range(2):
            wide[:, :, row::2, column::2] = weights[:, 2 * row + column :: 4]
    found = nn.Conv2d(wide.shape[1], wide.shape[0], 6, 2, 2, bias=False)
    found.weight = nn.Parameter(wide / (255 * SCALE))
    return found


def load(path: Path) -> TextNetwork:
    """Return the averaged network of a checkpoint."""
    network = TextNetwork()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    return network.eval()


def export(network: TextNetwork, path: Path) -> str:
    """Write the file, check it against the network, return its SHA-256."""
    deployed = Deployed(network).eval()
    axes = {"image": {1: "H", 2: "W"}, "probability": {2: "H2", 3: "W2"}}
    example = torch.randint(0, 255, (1, 64, 96, 3), dtype=torch.uint8)
    torch.onnx.export(
        deployed,
        (example,),
        str(path),
        dynamo=False,
        opset_version=17,
        do_constant_folding=True,
        input_names=["image"],
        output_names=["probability"],
        dynamic_axes=axes,
    )
    model = onnx.load(path)
    onnx.checker.check_model(model)
    model.producer_name = model.producer_version = ""
    model.doc_string = "scrub-pixels text detector, MIT; see models/detector/MODEL_CARD.md"
    onnx.save(model, path)
    _compare(deployed, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _compare(deployed: Deployed, path: Path) -> None:
    """Refuse a file that does not compute what the network computes, at another size than the example."""
    image = np.random.default_rng(0).integers(0, 255, (1, 160, 272, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image})[0]
    with torch.no_grad():
        wanted = deployed(torch.from_numpy(image)).numpy()
    if found.shape != wanted.shape or np.abs(found - wanted).max() > 1e-3:
        raise ValueError("the exported file does not compute what the network computes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(export(load(Path(sys.argv[1])), Path(sys.argv[2])))
