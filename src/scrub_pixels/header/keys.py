"""ProjectKey: the secret from which UIDs, pseudonyms and date offsets are derived.

Plain or unsalted hashes of identifiers are forbidden (PS3.15 E.1.1): whoever can list the possible
Patient IDs can undo them. Everything here is HMAC-SHA-256 under a secret, one purpose apart from
the other, so that runs and machines that share the key agree and nobody else can tell.

A new UID and a pseudonym carry a short check of themselves under the same key. What this key made
is recognised and left as it is, which makes de-identification idempotent.
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass, field

from scrub_pixels.errors import UsageError

STANDARD_ROOT = "1.2.840.10008"
"""Root of the UIDs that DICOM itself registers (PS3.6 Annex A); they name no Instance."""

_UUID_ROOT = "2.25."
_CHECK_BITS = 32
_HASH_BITS = 128 - _CHECK_BITS
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels and no digits: a pseudonym spells no word and contains no number of the original."""

_BODY, _CHECK = 14, 4
_DAYS = 3650
_LONGEST_ID = 256


@dataclass(frozen=True)
class ProjectKey:
    """The secret of a project; its repr hides it.

    Parameters
    ----------
    secret
        At least 16 bytes; 32 random ones from `generate`.

    Raises
    ------
    UsageError
        If the secret is shorter.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.secret, bytes) or len(self.secret) < 16:
            raise UsageError("a project key needs at least 16 bytes")

    @classmethod
    def generate(cls) -> ProjectKey:
        """Return a new random key."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def from_bytes(cls, secret: bytes) -> ProjectKey:
        """Return the key with this secret."""
        return cls(bytes(secret))

    def new_uid(self, old: str) -> str:
        """Return the UID that stands for `old` in this project (PS3.5 B.2, at most 44 characters).

        UIDs registered by DICOM, and those this key made, are returned as they are.
        """
        text = str(old).strip(" \0")
        if is_standard(text) or self.made_uid(text):
            return text
        return _UUID_ROOT + str(self._signed(self._number("uid", text.encode(), _HASH_BITS)))

    def pseudonym(self, issuer: str, patient_id: str) -> str:
        """Return the pseudonym of a patient: 18 capital letters without vowels."""
        if self.made_pseudonym(patient_id):
            return patient_id.strip()
        identity = patient_key(issuer, patient_id)
        for attempt in range(256):
            name = self._letters(b"%d\0" % attempt + identity.encode())
            if not _shares(name, patient_id):
                break
        return name

    def made_pseudonym(self, text: str) -> bool:
        """Tell whether `text` is a pseudonym that this key made."""
        text = str(text).strip()
        if len(text) != _BODY + _CHECK or not set(text) <= set(_ALPHABET):
            return False
        check = self._spelt("pseudonym check", text[:_BODY].encode(), _CHECK)
        return hmac.compare_digest(check, text[_BODY:])

    def day_offset(self, issuer: str, patient_id: str) -> int:
        """Return the whole days by which this patient's dates move, -3650 to -1; 0 for a pseudonym.

        A pseudonym of this key comes with dates that have been moved already.
        """
        if self.made_pseudonym(patient_id):
            return 0
        return -1 - self._number("days", patient_key(issuer, patient_id).encode(), 64) % _DAYS

    def digest(self, content: bytes, purpose: str) -> str:
        """Return HMAC-SHA-256 of `content` for one purpose, in hexadecimal."""
        return self._mac(f"digest {purpose}", content).hex()

    def _mac(self, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self.secret, purpose.encode() + b"\0" + content, "sha256")

    def _number(self, purpose: str, content: bytes, bits: int) -> int:
        return int.from_bytes(self._mac(purpose, content), "big") >> (256 - bits)

    def _signed(self, number: int) -> int:
        check = self._number("uid check", number.to_bytes(16, "big"), _CHECK_BITS)
        return number << _CHECK_BITS | check

    def made_uid(self, text: str) -> bool:
        """Tell whether `text` is a UID that this key made."""
        digits = text[len(_UUID_ROOT) :]
        if not text.startswith(_UUID_ROOT) or not re.fullmatch(r"[1-9][0-9]{0,38}", digits):
            return False
        return int(digits) >> 128 == 0 and self._signed(int(digits) >> _CHECK_BITS) == int(digits)

    def _letters(self, content: bytes) -> str:
        body = self._spelt("pseudonym", content, _BODY)
        return body + self._spelt("pseudonym check", body.encode(), _CHECK)

    def _spelt(self, purpose: str, content: bytes, letters: int) -> str:
        return letters_of(self._number(purpose, content, 256), letters)


def letters_of(number: int, count: int) -> str:
    """Spell a number in capital letters without vowels, the lowest places of it."""
    base = len(_ALPHABET)
    return "".join(_ALPHABET[number // base**place % base] for place in range(count))


_REGISTERED = re.compile(re.escape(STANDARD_ROOT) + r"(\.(0|[1-9]\d{0,4})){0,10}")


def is_standard(uid: str) -> bool:
    """Tell whether a UID lies below the root that DICOM registers, and has the form of one.

    No component that DICOM registered has more than five digits, so that neither a date nor a
    number of a patient can pass for one.
    """
    return _REGISTERED.fullmatch(uid) is not None


def patient_key(issuer: str, patient_id: str) -> str:
    """Return issuer and Patient ID in one normal form: width, case and spaces do not tell patients apart."""
    return "\0".join(_normalised(part) for part in (issuer, patient_id))


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", str(text)).casefold().replace("\0", " ").split())


def _shares(name: str, patient_id: str) -> bool:
    """Tell whether a word of the old ID stands in the new name."""
    words = re.findall(r"[^\W_]{2,18}", str(patient_id)[:_LONGEST_ID].upper())
    return any(word in name for word in words)
