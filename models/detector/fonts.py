"""Fonts for the compositor: outline files through FreeType, bitmap fonts through small parsers.

``python fonts.py fetch DIRECTORY`` downloads the Debian packages of ``fonts.toml`` and unpacks
them there (one folder per package). Nothing is installed and nothing enters the repository.
"""

from __future__ import annotations

import fnmatch
import gzip
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PcfFontFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Alpha = NDArray[np.uint8]
MANIFEST = Path(__file__).with_name("fonts.toml")
OUTLINE, BITMAP = (".ttf", ".otf"), (".pcf.gz", ".psf.gz", ".psfu.gz", ".hex")
UNIFONT_PLANES = ((0x20, 0x250), (0x370, 0x460), (0x3040, 0x30FF), (0x4E00, 0x9FA0), (0xAC00, 0xB000))


@dataclass(frozen=True)
class Outline:
    """A scalable face.

    Parameters
    ----------
    path
        TrueType or OpenType file.
    scripts
        What else than Latin it draws.
    """

    path: str
    scripts: tuple[str, ...] = ()
    scalable = True

    def draw(self, text: str, height: int, smooth: bool) -> Alpha:
        """Return the coverage (0 to 255) of `text` with an em of `height` pixels."""
        font = _outline(self.path, height)
        left, top, right, bottom = font.getbbox(text)
        image = Image.new("L", (max(1, right - left) + 2, max(1, bottom - top) + 2), 0)
        pen = ImageDraw.Draw(image)
        pen.fontmode = "L" if smooth else "1"
        pen.text((1 - left, 1 - top), text, font=font, fill=255)
        return np.asarray(image)


@dataclass(frozen=True)
class Bitmap:
    """A face with one bitmap per character.

    Parameters
    ----------
    glyphs
        Character to 0/1 array; all of the same height.
    scripts
        What else than Latin it draws.
    """

    glyphs: dict[str, Alpha] = field(repr=False, hash=False, compare=False)
    name: str = ""
    scripts: tuple[str, ...] = ()
    scalable = False

    def draw(self, text: str, height: int, smooth: bool) -> Alpha:
        """Return 0 or 255 per pixel at the face's own size; `height` and `smooth` do not apply."""
        blank = self.glyphs.get(" ", next(iter(self.glyphs.values())) * 0)
        return np.concatenate([self.glyphs.get(c, blank) for c in text], axis=1) * np.uint8(255)


Face = Outline | Bitmap


@lru_cache(maxsize=400)
def _outline(path: str, height: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, height, layout_engine=ImageFont.Layout.BASIC)


def load_faces(root: Path, split: str) -> list[Face]:
    """Return every face of `split` found below `root`, in an order that depends on names only."""
    faces: list[Face] = []
    for entry in tomllib.loads(MANIFEST.read_text())["font"]:
        if entry["split"] == split:
            faces.extend(_faces_of(root / entry["package"], entry))
    if not faces:
        raise FileNotFoundError(f"no fonts below {root}: run fonts.py fetch first")
    return _distinct(faces)


def _distinct(faces: list[Face]) -> list[Face]:
    """Drop bitmap faces that repeat another one under a different encoding."""
    kept: dict[bytes | str, Face] = {}
    for face in faces:
        key = face.path if isinstance(face, Outline) else face.draw("AEHagknr0279", 0, False).tobytes()
        kept.setdefault(key, face)
    return list(kept.values())


def _faces_of(folder: Path, entry: dict) -> Iterator[Face]:
    scripts = tuple(entry.get("scripts", ()))
    for path in sorted(folder.rglob("*"), key=lambda p: p.name):
        if path.is_file() and _wanted(path.name, entry):
            if path.suffix in OUTLINE:
                yield from _latin(Outline(str(path), scripts))
            elif path.name.endswith(BITMAP):
                yield from _bitmap(path, scripts)


def _latin(face: Outline) -> Iterator[Outline]:
    """Yield the face if it has letters (some fall-back fonts hold only other scripts)."""
    if not np.array_equal(face.draw("A", 20, False), face.draw("B", 20, False)):
        yield face


def _wanted(name: str, entry: dict) -> bool:
    include, exclude = entry.get("include", ["*"]), entry.get("exclude", [])
    return any(fnmatch.fnmatch(name, p) for p in include) and not any(
        fnmatch.fnmatch(name, p) for p in exclude
    )


def _bitmap(path: Path, scripts: tuple[str, ...]) -> Iterator[Bitmap]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    glyphs = _parser(path)(data)
    drawn = sum(1 for c in "AEHMNRSTaeghnrst0123456789" if c in glyphs and glyphs[c].any())
    if drawn >= 24 and 5 <= _ink_rows(glyphs) <= 40:
        yield Bitmap(glyphs, path.name, scripts)


def _parser(path: Path):
    if path.name.endswith(".pcf.gz"):
        return parse_pcf
    return parse_hex if path.suffix == ".hex" else parse_psf


def _ink_rows(glyphs: dict[str, Alpha]) -> int:
    return int(glyphs["H"].any(axis=1).sum()) if "H" in glyphs else 0


def parse_pcf(data: bytes) -> dict[str, Alpha]:
    """Return the Latin-1 glyphs of an X11 Portable Compiled Format font."""
    import io

    font = PcfFontFile.PcfFontFile(io.BytesIO(data), "iso8859-1")
    used = [(i, g) for i, g in enumerate(font.glyph) if g is not None and 32 <= i < 256]
    top = min(g[1][1] for _, g in used)
    bottom = max(g[1][3] for _, g in used)
    return {chr(i): _pcf_cell(g, top, bottom) for i, g in used}


def _pcf_cell(glyph, top: int, bottom: int) -> Alpha:
    (advance, _), (left, upper, right, lower), _, image = glyph
    width = max(1, advance, right)
    cell = np.zeros((bottom - top, width), np.uint8)
    ink = (np.asarray(image.convert("L")) > 0).astype(np.uint8)
    shift = max(0, left)
    ink = ink[: bottom - upper, : width - shift]
    cell[upper - top : upper - top + ink.shape[0], shift : shift + ink.shape[1]] = ink
    return cell


def parse_psf(data: bytes) -> dict[str, Alpha]:
    """Return the ASCII glyphs of a PC Screen Font (versions 1 and 2)."""
    if data[:2] == b"\x36\x04":
        count, height, width, start = 256, data[3], 8, 4
    elif data[:4] == b"\x72\xb5\x4a\x86":
        _, _, start, _, count, _, height, width = struct.unpack("<8I", data[:32])
    else:
        return {}
    stride = (width + 7) // 8
    raw = np.frombuffer(data, np.uint8, min(count, 127) * height * stride, start)
    bits = np.unpackbits(raw.reshape(-1, height, stride), axis=2)[:, :, :width]
    return {chr(i): bits[i] for i in range(32, min(count, 127))}


def parse_hex(data: bytes) -> dict[str, Alpha]:
    """Return glyphs of GNU Unifont's text format, 16 pixels high."""
    glyphs = {}
    for line in data.decode("ascii").splitlines():
        code, _, bits = line.partition(":")
        if any(a <= int(code, 16) < b for a, b in UNIFONT_PLANES):
            raw = np.frombuffer(bytes.fromhex(bits), np.uint8).reshape(16, -1)
            glyphs[chr(int(code, 16))] = np.unpackbits(raw, axis=1)
    return glyphs


def fetch(root: Path) -> None:
    """Download and unpack every package of the manifest below `root` (needs apt-get and dpkg)."""
    root.mkdir(parents=True, exist_ok=True)
    packages = sorted({e["package"] for e in tomllib.loads(MANIFEST.read_text())["font"]})
    subprocess.run(["apt-get", "download", *packages], cwd=root, check=True)
    for archive in root.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive.name, archive.name.split("_")[0]], cwd=root, check=True)
        archive.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "fetch":
        sys.exit(__doc__)
    fetch(Path(sys.argv[2]))
