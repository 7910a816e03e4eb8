"""One tree of errors; each class carries the process exit code it leads to.

::

    ScrubError                      1
    |-- UsageError                  2   the caller asked for something impossible
    |-- MissingDependency           3   a package or its weights are not installed
    |-- WorkspaceError              2   the private folder cannot be used as asked
    `-- Refusal                     1   this Instance will not be released
        |-- NotDicom                0   accounted for as "not DICOM", not as refused
        |-- UnreadableFile              cannot be opened or parsed
        |-- CorruptInstance             header and pixels contradict each other, or do not decode
        |-- UnsupportedInstance         understood, but no safe way to process it yet
        |-- TooLarge                    over the declared limits
        |-- ProofFailed                 what was written is not what was promised
        `-- HeaderNotClean              an identifier survived header de-identification

Messages name the stage, the attribute (tag and keyword) and the remedy. They never quote the
value of an element, a file name from the input, or text read from pixels: those are identifiers.
"""

from __future__ import annotations


class ScrubError(Exception):
    """Root of every error this package raises on purpose.

    Parameters
    ----------
    message
        What is wrong, free of identifiers.
    remedy
        What the person can do about it; printed after the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __reduce__(self):
        return _rebuild, (type(self), self.__dict__.copy(), self.args)

    def __str__(self) -> str:
        end = "" if self.message.endswith((".", "?", "!", ":")) or not self.remedy else "."
        return f"{self.message}{end} {self.remedy}".strip()


def _rebuild(cls: type[ScrubError], state: dict, args: tuple) -> ScrubError:
    """Unpickle an error without calling its constructor again (errors cross process borders)."""
    error = cls.__new__(cls)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


class UsageError(ScrubError):
    """The request itself cannot be carried out (wrong paths, options that exclude each other)."""

    exit_code = 2


class WorkspaceError(ScrubError):
    """The private workspace cannot be used: locked, below OUT, wrong permissions, other version."""

    exit_code = 2


class MissingDependency(ScrubError):
    """A package, its weights or a native library is not there, or is not what it should be."""

    exit_code = 3


class Refusal(ScrubError):
    """This Instance is not released; the reason goes to the ledger.

    Parameters
    ----------
    message
        What is wrong, free of identifiers.
    stage
        The stage that refused: ``open``, ``decode``, ``text``, ``decide``, ``mask``, ``header``,
        ``prove`` or ``write``.
    tag
        The attribute concerned as ``(gggg,eeee) Keyword``, or an empty string.
    remedy
        What the person can do about it.
    """

    code = "refused"

    def __init__(self, message: str, *, stage: str, tag: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.stage = stage
        self.tag = tag


class NotDicom(Refusal):
    """The file is not DICOM (no ``DICM`` prefix and no parsable header); counted, never released."""

    code = "not-dicom"
    exit_code = 0


class UnreadableFile(Refusal):
    """The file cannot be opened, or is DICOM whose data set cannot be parsed."""

    code = "unreadable"


class CorruptInstance(Refusal):
    """Header and Pixel Data contradict each other, or a frame does not decode."""

    code = "corrupt"


class UnsupportedInstance(Refusal):
    """The Instance is understood, but there is no proven way to search or redact it."""

    code = "unsupported"


class TooLarge(Refusal):
    """Declared or real size exceeds the limits of the policy."""

    code = "too-large"


class ProofFailed(Refusal):
    """Reading the result back did not show what was promised; nothing is released."""

    code = "proof-failed"


class HeaderNotClean(Refusal):
    """An identifier of the original was found in the de-identified data set."""

    code = "header-not-clean"
