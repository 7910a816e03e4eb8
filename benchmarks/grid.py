"""Every way pixels are carried: redact it, prove it, or say why not.

Builds Instances over transfer syntax x photometric x bits x sign x planes x frames, with the
package's own encoders and with foreign ones (libjpeg-turbo, CharLS, OpenJPEG, OpenJPH, libjxl,
zlib, pydicom, FFmpeg), masks a rectangle that fits no block, writes the file, opens it anew and
proves it. Where the samples are known, they are also compared with the truth that was encoded.
Prints the table that stands in the README.

    python -m benchmarks.grid [--thin 7] [--readme]
"""

from __future__ import annotations

import argparse
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import product
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from av import FFmpegError
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.pixels.encoders import RLELosslessEncoder

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import Refusal
from scrub_pixels.frames import TRANSFER_SYNTAXES, Redact, encode_frame, join_frames, jpeg_xl, open_instance
from scrub_pixels.frames import syntaxes as known
from scrub_pixels.frames.encapsulation import encapsulate_whole
from scrub_pixels.geometry import FrameSpan, Region, coverage
from scrub_pixels.masks import fill_value, mask, prove, with_pixels
from tests.instances import Recipe, make_frames, make_instance, saved

KEY = b"grid" * 8
ROWS, COLUMNS = 37, 46
REGION = Region(3, 5, 11, 17)
README = Path(__file__).parents[1] / "README.md"
FIRST, LAST = "<!-- grid -->", "<!-- /grid -->"
GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
COLOUR = (
    "RGB",
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_PARTIAL_422",
    "YBR_PARTIAL_420",
    "YBR_ICT",
    "YBR_RCT",
    "XYB",
)
ODD = ("ARGB", "CMYK", "HSV")
BITS = (
    (1, 1, 0),
    (8, 8, 7),
    (8, 6, 5),
    (16, 8, 7),
    (16, 10, 9),
    (16, 12, 11),
    (16, 12, 13),
    (16, 14, 13),
    (16, 16, 15),
    (32, 24, 23),
    (32, 32, 31),
)
UID = "1.2.840.10008.1.2.4."
DCT = (known.JPEG_BASELINE, known.JPEG_EXTENDED, f"{UID}53", f"{UID}55", known.JPEG_XL_RECOMPRESSION)
VIDEO = tuple(uid for uid, row in TRANSFER_SYNTAXES.items() if row.redaction is Redact.VIDEO)


@dataclass(frozen=True)
class Cell:
    """One Instance of the grid.

    Parameters
    ----------
    recipe
        Its shape and syntax.
    encoder
        Who encoded it.
    build
        Returns the data set, and the stored samples if encoding was lossless.
    """

    recipe: Recipe
    encoder: str
    build: Callable[[], tuple[Dataset, Sequence[NDArray] | None]]


@dataclass(frozen=True)
class End:
    """How a cell ended: ``same``, ``other`` (a lossless syntax), ``refused``, ``wrong`` or ``crashed``."""

    kind: str
    reason: str = ""


def recipes() -> Iterator[Recipe]:
    """Yield every combination of header attributes; many make no sense, and have to be refused."""
    for photometric, (allocated, stored, high), signed, frames in product(
        (*GREY, *COLOUR), BITS, (False, True), (1, 3)
    ):
        shape = (ROWS, COLUMNS, frames, photometric, allocated, stored, high, signed)
        if stored == 1 and signed:
            continue
        yield Recipe(*shape)
        if photometric not in GREY and frames == 1:
            yield Recipe(*shape, planar=1)


def cells() -> Iterator[Cell]:
    """Yield the whole grid."""
    for recipe in recipes():
        for uid, row in TRANSFER_SYNTAXES.items():
            here = replace(recipe, syntax=uid)
            if row.redaction in (Redact.NATIVE, Redact.SAME_SYNTAX) and _fits(here):
                yield Cell(here, "own", lambda r=here: _own(r))
            for name, encode in _FOREIGN.get(uid, {}).items():
                if _fits(here):
                    yield Cell(here, name, lambda r=here, e=encode: _foreign(r, e))
    yield from _lossy_cells()
    yield from _video_cells()
    yield from _refused_cells()


def _fits(recipe: Recipe) -> bool:
    """Tell whether a foreign or own encoder could be asked at all: not where samples cannot exist."""
    native = not TRANSFER_SYNTAXES[recipe.syntax].encapsulated
    subsampled = recipe.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422")
    transformed = recipe.photometric in ("YBR_RCT", "YBR_ICT", "XYB", "YBR_PARTIAL_420")
    if subsampled:
        return native and recipe.bits_allocated == 8
    return not (transformed and native and recipe.bits_allocated != 8)


def _own(recipe: Recipe) -> tuple[Dataset, Sequence[NDArray]]:
    frames = make_frames(recipe)
    return make_instance(recipe, frames), frames


def _foreign(recipe: Recipe, encode: Callable[[NDArray, Recipe], bytes]) -> tuple[Dataset, Sequence[NDArray]]:
    frames = make_frames(recipe)
    data = join_frames(
        [encode(_words(frame, recipe), recipe) for frame in frames], recipe.description, recipe.syntax
    )
    return make_instance(recipe, pixel_data=data), frames


def _words(frame: NDArray, recipe: Recipe) -> NDArray:
    """Return unsigned low-aligned words in the smallest type, as foreign encoders take them."""
    stored = recipe.description.bits_stored
    words = frame.view(f"u{frame.dtype.itemsize}") & np.array(2**stored - 1, f"u{frame.dtype.itemsize}")
    return words.astype(np.uint8 if stored <= 8 else np.uint16 if stored <= 16 else np.uint32)


def _signed(words: NDArray, recipe: Recipe) -> NDArray:
    """Return words as signed samples if the header says so: JPEG 2000 codes the sign."""
    if not recipe.signed:
        return words
    spare = 8 * words.dtype.itemsize - recipe.description.bits_stored
    return (words.view(f"i{words.dtype.itemsize}") << spare) >> spare


def _whole(data: bytes, decode: Callable[[bytes], NDArray], samples: NDArray) -> bytes:
    """Return what a foreign encoder made, if its own decoder gets the samples back from it."""
    found = decode(data)
    found = found if found.shape == samples.shape else np.moveaxis(found, 0, -1)
    if not np.array_equal(found, samples):
        raise ValueError("the encoder loses bits")
    return data


def _charls(words: NDArray, recipe: Recipe) -> bytes:
    return imagecodecs.jpegls_encode(words, level=0)


def _openjpeg(words: NDArray, recipe: Recipe) -> bytes:
    samples = _signed(words, recipe)
    data = imagecodecs.jpeg2k_encode(
        samples,
        level=0,
        codecformat="j2k",
        bitspersample=recipe.description.bits_stored,
        reversible=True,
        resolutions=2,
        mct=recipe.photometric == "YBR_RCT",
        planar=False,
    )
    return _whole(data, imagecodecs.jpeg2k_decode, samples)


def _openjph(words: NDArray, recipe: Recipe) -> bytes:
    samples = _signed(words, recipe)
    data = imagecodecs.htj2k_encode(samples, reversible=True, rgb=recipe.photometric == "YBR_RCT")
    return _whole(data, imagecodecs.htj2k_decode, samples)


def _turbo(predictor: int) -> Callable[[NDArray, Recipe], bytes]:
    return lambda words, recipe: imagecodecs.jpeg8_encode(
        words, lossless=True, predictor=predictor, bitspersample=recipe.description.bits_stored
    )


def _libjxl(words: NDArray, recipe: Recipe) -> bytes:
    return imagecodecs.jpegxl_encode(words, lossless=True, bitspersample=recipe.description.bits_stored)


def _zlib(words: NDArray, recipe: Recipe) -> bytes:
    plain = encode_frame(
        words.astype(recipe.description.dtype), replace(recipe, syntax="").description, known.EXPLICIT_LITTLE
    )
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(plain) + packer.flush()


def _pydicom(words: NDArray, recipe: Recipe) -> bytes:
    shift = recipe.description.high_bit + 1 - recipe.description.bits_stored
    wide = words.astype(f"<u{max(1, recipe.bits_allocated // 8)}") << shift
    samples = recipe.description.samples
    return RLELosslessEncoder.encode(
        wide.tobytes(),
        rows=wide.shape[0],
        columns=wide.shape[1],
        samples_per_pixel=samples,
        bits_allocated=recipe.bits_allocated,
        bits_stored=recipe.bits_stored,
        pixel_representation=0,
        photometric_interpretation="RGB" if samples == 3 else "MONOCHROME2",
        number_of_frames=1,
        planar_configuration=0,
        encoding_plugin="pydicom",
    )


_FOREIGN: dict[str, dict[str, Callable[[NDArray, Recipe], bytes]]] = {
    known.RLE_LOSSLESS: {"pydicom": _pydicom},
    known.JPEG_LS_LOSSLESS: {"CharLS": _charls},
    known.JPEG_2000_LOSSLESS: {"OpenJPEG": _openjpeg},
    f"{UID}91": {"OpenJPEG": _openjpeg},
    known.HTJ2K_LOSSLESS: {"OpenJPH": _openjph},
    f"{UID}203": {"OpenJPH": _openjph},
    known.JPEG_LOSSLESS: {f"libjpeg-turbo, predictor {n}": _turbo(n) for n in (2, 4, 7)},
    known.JPEG_LOSSLESS_SV1: {"libjpeg-turbo": _turbo(1)},
    known.JPEG_XL_LOSSLESS: {"libjxl": _libjxl},
    f"{UID}112": {"libjxl": _libjxl},
    known.DEFLATED_FRAME: {"zlib": _zlib},
}


def _lossy_cells() -> Iterator[Cell]:
    """Yield JPEGs of all kinds, near-lossless JPEG-LS, lossy JPEG 2000 and JPEG XL."""
    for uid, (name, encode), frames, grey in product(DCT, _JPEGS.items(), (1, 3), (False, True)):
        photometric = "MONOCHROME2" if grey else "RGB" if "RGB" in name else "YBR_FULL_422"
        for declared in {photometric, "MONOCHROME1"} if grey else {photometric, "YBR_FULL", "RGB"}:
            recipe = Recipe(ROWS, COLUMNS, frames, declared, syntax=uid)
            yield Cell(recipe, name, lambda r=recipe, e=encode: (_lossy(r, e), None))
    for frames, signed in product((1, 3), (False, True)):
        recipe = Recipe(
            ROWS, COLUMNS, frames, "MONOCHROME2", 16, 12, syntax=known.JPEG_EXTENDED, signed=signed
        )
        yield Cell(recipe, "12 bits", lambda r=recipe: (_lossy(r, _twelve), None))
    for uid, bits, encode in (
        (f"{UID}81", 8, _near),
        (f"{UID}81", 12, _near),
        (f"{UID}91", 8, _irreversible),
        (f"{UID}91", 12, _irreversible),
        (f"{UID}112", 8, _distance),
    ):
        for photometric, frames in product(("MONOCHROME2", "RGB"), (1, 3)):
            recipe = Recipe(ROWS, COLUMNS, frames, photometric, 8 if bits == 8 else 16, bits, syntax=uid)
            yield Cell(recipe, "lossy", lambda r=recipe, e=encode: (_lossy(r, e), None))


def _lossy(recipe: Recipe, encode: Callable[[NDArray, Recipe], bytes]) -> Dataset:
    random = np.random.default_rng(recipe.frames)
    top, shape = 2**recipe.description.bits_stored, (ROWS, COLUMNS, 3)
    data = []
    for _ in range(recipe.frames):
        wide = cv2.GaussianBlur(random.integers(0, top, shape).astype(np.float32), (0, 0), 1.5)
        words = wide.astype(np.uint8 if top <= 256 else np.uint16)
        data.append(encode(words if recipe.description.samples == 3 else words[..., 0].copy(), recipe))
    if recipe.syntax == known.JPEG_XL_RECOMPRESSION:
        data = [jpeg_xl.from_jpeg(each) for each in data]
    return make_instance(recipe, pixel_data=join_frames(data, recipe.description, recipe.syntax))


def _jpeg(sampling: str, **options: int) -> Callable[[NDArray, Recipe], bytes]:
    flags = [
        cv2.IMWRITE_JPEG_QUALITY,
        90,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}"),
    ]
    for name, value in options.items():
        flags += [getattr(cv2, f"IMWRITE_JPEG_{name.upper()}"), value]
    return lambda words, recipe: cv2.imencode(".jpg", words, flags)[1].tobytes()


def _rgb_jpeg(words: NDArray, recipe: Recipe) -> bytes:
    return imagecodecs.jpeg8_encode(
        words,
        level=90,
        colorspace="rgb" if words.ndim == 3 else None,
        outcolorspace="rgb" if words.ndim == 3 else None,
    )


def _twelve(words: NDArray, recipe: Recipe) -> bytes:
    return imagecodecs.jpeg8_encode(words, level=90, bitspersample=12)


def _near(words: NDArray, recipe: Recipe) -> bytes:
    return imagecodecs.jpegls_encode(words, level=3)


def _irreversible(words: NDArray, recipe: Recipe) -> bytes:
    return imagecodecs.jpeg2k_encode(
        words,
        level=40,
        codecformat="j2k",
        resolutions=2,
        bitspersample=recipe.description.bits_stored,
        mct=False,
        planar=False,
    )


def _distance(words: NDArray, recipe: Recipe) -> bytes:
    return imagecodecs.jpegxl_encode(words, distance=1.0)


_JPEGS: dict[str, Callable[[NDArray, Recipe], bytes]] = {
    "4:4:4": _jpeg("444"),
    "4:2:2": _jpeg("422"),
    "4:2:0": _jpeg("420"),
    "4:4:0": _jpeg("440"),
    "4:1:1": _jpeg("411"),
    "4:2:0, restart intervals": _jpeg("420", rst_interval=2),
    "4:2:0, optimised tables": _jpeg("420", optimize=1),
    "4:2:0, progressive": _jpeg("420", progressive=1),
    "RGB, APP14": _rgb_jpeg,
}


def _video_cells() -> Iterator[Cell]:
    for uid, frames in product(VIDEO, (1, 4)):
        deep = {"bits_allocated": 16, "bits_stored": 10} if uid.endswith(".108") else {}
        recipe = Recipe(48, 64, frames, "YBR_PARTIAL_420", syntax=uid, **deep)
        for container in ("mp4", "mpegts", "bare"):
            yield Cell(recipe, f"FFmpeg, {container}", lambda r=recipe, c=container: (_film(r, c), None))


def _film(recipe: Recipe, container: str) -> Dataset:
    """Return a short film in a container; MPEG-2 stands in no MP4 by the standard, but may."""
    import av

    family = recipe.syntax.removesuffix(".1")[-3:]
    coder, bare = {
        "100": ("mpeg2video", "mpeg2video"),
        "101": ("mpeg2video", "mpeg2video"),
        "107": ("libx265", "hevc"),
        "108": ("libx265", "hevc"),
    }.get(family, ("libx264", "h264"))
    target = BytesIO()
    writer = av.open(target, "w", format=bare if container == "bare" else container)
    quiet = {"x265-params": "log-level=none:pools=none:frame-threads=1"} if coder == "libx265" else {}
    track = writer.add_stream(coder, rate=25, options=quiet)
    track.width, track.height = recipe.columns, recipe.rows
    track.pix_fmt = "yuv420p10le" if recipe.bits_stored == 10 else "yuv420p"
    y, x = np.mgrid[0 : recipe.rows * 3 // 2, 0 : recipe.columns]
    for number in range(recipe.frames):
        plain = (128 + 60 * np.sin((x + 2 * number) / 7 + y / 11) * (y < recipe.rows)).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(plain, "yuv420p").reformat(format=track.pix_fmt)
        frame.pts = number
        writer.mux(track.encode(frame))
    writer.mux(track.encode(None))
    writer.close()
    return make_instance(recipe, pixel_data=encapsulate_whole(target.getvalue()))


def _refused_cells() -> Iterator[Cell]:
    """Yield what no encoder is needed for: syntaxes without decoder, colours of another era."""
    for uid, row in TRANSFER_SYNTAXES.items():
        if row.redaction is Redact.REFUSE:
            recipe = Recipe(ROWS, COLUMNS, syntax=uid)
            yield Cell(
                recipe, "none", lambda r=recipe: (make_instance(r, pixel_data=encapsulate_whole(b"??")), None)
            )
    for photometric in ODD:
        recipe = Recipe(ROWS, COLUMNS, photometric=photometric)
        value = bytes(ROWS * COLUMNS * 4)
        yield Cell(
            recipe,
            "none",
            lambda r=recipe, v=value: (make_instance(r, pixel_data=v, SamplesPerPixel=4), None),
        )


BUILD_ERRORS = (Refusal, RuntimeError, ValueError, TypeError, NotImplementedError, FFmpegError)
"""What encoders say to what they cannot encode: then there is no such Instance."""


def run(cell: Cell) -> End | None:
    """Take one cell through; None if there is no such Instance because no encoder makes it."""
    try:
        dataset, truth = cell.build()
    except BUILD_ERRORS:
        return None
    try:
        return _redacted(dcmread(BytesIO(saved(dataset)), force=True), truth)
    except Refusal as refusal:
        return End("refused", refusal.message.rstrip("."))
    except Exception as error:  # noqa: BLE001 - a crash is a result here
        return End("crashed", f"{type(error).__name__}: {error}")


def _redacted(dataset: Dataset, truth: Sequence[NDArray] | None) -> End:
    original = open_instance(dataset)
    masked = mask(original, [Redaction(REGION, FrameSpan(0, 1), "grid")])
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    evidence = prove(original, candidate, masked, KEY)
    if truth is not None and (wrong := _against_truth(original, candidate, masked, truth)):
        return End("wrong", wrong)
    if evidence.video is not None:
        return End("encoded again")
    return End("same" if evidence.syntax_in == evidence.syntax_out else "other")


def _against_truth(original, candidate, masked, truth: Sequence[NDArray]) -> str:
    """Compare with what was encoded, not with what was decoded."""
    fill = fill_value(candidate.pixels, candidate.stored_photometric, candidate.dataset)
    changed = {each.frame: each.regions for each in masked.redactions}
    for frame, samples in enumerate(truth):
        inside = coverage(changed.get(frame, ()), original.pixels.shape)
        after = candidate.stored(frame)
        if not np.array_equal(original.stored(frame), samples):
            return "decoded other samples than were encoded"
        if not np.array_equal(after[~inside], samples[~inside]):
            return "a sample outside differs"
        if frame == 0 and np.any(after[REGION.slices] != fill):
            return "a sample inside is not black"
    return ""


def tally(thin: int = 1) -> tuple[dict[str, Counter], dict[str, Counter], list[str]]:
    """Run every `thin`-th cell; return ends and reasons by syntax, and what went wrong."""
    ends: dict[str, Counter] = {uid: Counter() for uid in TRANSFER_SYNTAXES}
    reasons: dict[str, Counter] = {uid: Counter() for uid in TRANSFER_SYNTAXES}
    faults = []
    for number, cell in enumerate(cells()):
        if number % thin:
            continue
        end = run(cell)
        if end is None:
            continue
        uid = cell.recipe.syntax
        ends[uid][end.kind] += 1
        if end.kind == "refused":
            reasons[uid][end.reason] += 1
        elif end.kind in ("wrong", "crashed"):
            faults.append(f"{cell.encoder} {cell.recipe}: {end.kind}: {end.reason}")
    return ends, reasons, faults


def table(ends: dict[str, Counter], reasons: dict[str, Counter]) -> str:
    """Return the table of the README."""
    lines = [
        "| transfer syntax | Instances | redacted, same syntax | redacted, other "
        "| refused, and most often because |",
        "|---|---|---|---|---|",
    ]
    for uid, row in TRANSFER_SYNTAXES.items():
        found, why = ends[uid], reasons[uid].most_common(1)
        said = f"{found['refused']}: {why[0][0]}" if why else "0"
        short = uid.removeprefix("1.2.840.10008.1.2") or "(1.2)"
        other = f"{found['encoded again']} (encoded again)" if found["encoded again"] else found["other"]
        lines.append(f"| {row.name} `{short}` | {sum(found.values())} | {found['same']} | {other} | {said} |")
    return "\n".join(lines)


def block(ends: dict[str, Counter], reasons: dict[str, Counter], faults: Sequence[str]) -> str:
    """Return everything that stands between the markers of the README."""
    every = sum((counter for counter in ends.values()), Counter())
    done = every["same"] + every["other"] + every["encoded again"]
    return "\n".join(
        (
            FIRST,
            f"**Measured** over {sum(every.values())} generated Instances (`python -m benchmarks.grid`): "
            f"{done} redacted and proven, with zero difference outside (video: within the measured bound), "
            f"{every['refused']} refused with the reason, {every['wrong']} wrong, "
            f"{every['crashed']} crashed.",
            "",
            table(ends, reasons),
            LAST,
        )
    )


def main() -> int:
    """Print the table and what went wrong; exit 1 if anything did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thin", type=int, default=1, help="take every n-th Instance only")
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ends, reasons, faults = tally(options.thin)
    text = block(ends, reasons, faults)
    print(text, *faults, sep="\n")
    if options.readme:
        whole = README.read_text(encoding="utf-8")
        start, stop = whole.index(FIRST), whole.index(LAST) + len(LAST)
        README.write_text(whole[:start] + text + whole[stop:], encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
