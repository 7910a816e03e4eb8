"""One Instance from a stream to a stream: for pipes, and for orchestrators that move the bytes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from scrub_pixels.errors import Refusal, TooLarge, UsageError
from scrub_pixels.header import ProjectKey
from scrub_pixels.pipeline import Held, Scrubbed, Scrubber
from scrub_pixels.policy import Policy
from scrub_pixels.run.outcomes import Outcome, Refused, outcome_of
from scrub_pixels.store.atomic import OutFolder, failures_explained
from scrub_pixels.store.leftovers import swept_folder
from scrub_pixels.store.workspace import open_workspace

HELD_EXIT, REFUSED_EXIT = 10, 1


def scrub_stream(given: BinaryIO, wanted: BinaryIO, policy: Policy, key: ProjectKey) -> int:
    """Scrub the Instance that a stream holds, and write it to another only when it is proven.

    Returns
    -------
    int
        0 released; 10 held and 1 refused or no DICOM, with the reason on standard error and nothing
        written to `wanted`.
    """
    outcome = _outcome(given, policy, key)
    if isinstance(outcome, Scrubbed):
        wanted.write(proven_bytes(outcome))
        wanted.flush()
        return 0
    if isinstance(outcome, Held):
        print(f"scrub-pixels: held: {'; '.join(outcome.reasons)}.", file=sys.stderr)
        return HELD_EXIT
    print(f"scrub-pixels: refused: {outcome.message}", file=sys.stderr)
    return REFUSED_EXIT


def _outcome(given: BinaryIO, policy: Policy, key: ProjectKey) -> Outcome:
    limit = policy.limits.max_file_bytes
    content = given.read(limit + 1)
    if len(content) > limit:
        return Refused.because_of(TooLarge("The stream is longer than the policy allows.", stage="open",
                                           remedy="Raise limits.max_file_bytes if this is intended."))
    return outcome_of(Scrubber(policy, key), content)


def proven_bytes(scrubbed: Scrubbed) -> bytes:
    """Return the bytes of the file that stands for an Instance, read back and compared like any other.

    Raises
    ------
    ProofFailed
        If they do not read back as what they were written from.
    """
    with failures_explained("The output"), swept_folder() as folder:
        return OutFolder(folder, folder).prepare(scrubbed).read_bytes()


def key_from(workspace: Path | None, key_file: Path | None) -> ProjectKey:
    """Return the project key of a workspace, or the one in a file.

    Raises
    ------
    UsageError
        If not just one of them is named, or the file cannot be read or is too short.
    """
    if (workspace is None) == (key_file is None):
        raise UsageError("A stream needs a key for its pseudonyms and UIDs.",
                         remedy="Name the private folder with --workspace, or a key with --key-file.")
    if workspace is not None:
        return open_workspace(workspace).key
    try:
        return ProjectKey.from_bytes(Path(key_file or "").read_bytes())
    except OSError as error:
        raise UsageError(f"The key file cannot be read: {error.strerror}.",
                         remedy="Check its path.") from None


def stream_standard(policy: Policy, key: ProjectKey) -> int:
    """Scrub standard input to standard output; see `scrub_stream`."""
    try:
        return scrub_stream(sys.stdin.buffer, sys.stdout.buffer, policy, key)
    except Refusal as refusal:
        print(f"scrub-pixels: refused: {refusal}", file=sys.stderr)
        return REFUSED_EXIT
