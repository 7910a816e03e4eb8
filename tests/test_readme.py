"""The README says what the tables in the code say."""

from pathlib import Path

from scrub_pixels.frames import TRANSFER_SYNTAXES, Redact
from scrub_pixels.header import PROFILES

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

HOW = {
    Redact.NATIVE: "same syntax; bytes outside the redaction are not touched",
    Redact.SAME_SYNTAX: "same syntax, lossless; frames without a redaction keep their bytes",
    Redact.COEFFICIENTS: "same syntax; only the 8x8 blocks under a redaction change",
    Redact.VIDEO: "same codec, encoded again (on record); measured outside the redaction",
    Redact.REFUSE: "refused",
}


def syntax_table() -> str:
    """Return the table of transfer syntaxes as it has to stand in the README."""
    rows = ["| transfer syntax | PS3.5 | a masked Instance is written in |", "|---|---|---|"]
    for uid, row in TRANSFER_SYNTAXES.items():
        how = HOW.get(row.redaction) or f"{TRANSFER_SYNTAXES[row.written_as].name} (on record)"
        short = uid.removeprefix("1.2.840.10008.1.2") or "(1.2)"
        rows.append(f"| {row.name} `{short}` | {row.section.removeprefix('PS3.5 ')} | {how} |")
    return "\n".join(rows)


def test_the_table_of_transfer_syntaxes_is_the_one_in_force():
    assert syntax_table() in README


def test_every_profile_is_described():
    assert [name for name in PROFILES if f"`{name}`" not in README] == []
