"""READ FIRST: one Instance through the stages, from a file to the proof. No I/O of its own.

    open -> find text -> decide -> mask -> prove -> look again -> de-identify the header

Everything that calls this (command line, executors, gateway, review site, library users) differs
only in where an Instance comes from and where the outcome goes. ``Scrubbed`` is the only thing
the store writes to an output folder, and only this module makes one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from pydicom import Dataset

from scrub_pixels.decisions import (
    Decision,
    Disposition,
    Redaction,
    Review,
    Verdict,
    decide,
    frames_to_look_at,
    residue,
    reviewed,
)
from scrub_pixels.errors import NotDicom, UnsupportedInstance
from scrub_pixels.frames import Instance, is_dicomdir, open_instance
from scrub_pixels.header import Pairs, ProjectKey, deidentify
from scrub_pixels.masks import MaskedPixels, PixelEvidence, codestream_comments, mask, prove, with_pixels
from scrub_pixels.policy import Policy
from scrub_pixels.text import (
    Detectors,
    TextReader,
    TextSearch,
    find_text,
    load_detectors,
    load_reader,
    reread,
)

Source = str | os.PathLike[str] | bytes | BinaryIO | Dataset
Reviewing = Review | Sequence[Redaction]

ENCAPSULATED_DOCUMENT = "EncapsulatedDocument"

MOST_LOOKS = 8
"""Masked frames of one Instance that are read again."""


@dataclass(frozen=True)
class Scrubbed:
    """A de-identified Instance with its proof: the only thing that may stand in an output folder.

    Parameters
    ----------
    dataset
        Masked Pixel Data, de-identified header, rebuilt file meta information.
    pseudonym
        The replacement for Patient ID.
    decision
        Findings with readings: private, never written to the output folder.
    evidence
        What was searched, masked, re-read and compared; free of PHI.
    codes
        De-identification Method codes claimed (CID 7050).
    actions
        How often each action code of PS3.15 Table E.1-1 was applied.
    warnings
        PHI-free remarks of the header stage.
    pairs
        Old and new Patient ID and UIDs, for the crosswalk of the private workspace only.
    """

    dataset: Dataset
    pseudonym: str
    decision: Decision
    evidence: PixelEvidence
    codes: tuple[str, ...]
    actions: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...]
    pairs: Pairs = field(default_factory=Pairs)

    def __repr__(self) -> str:
        return f"Scrubbed(frames={self.evidence.frames}, frames_masked={self.evidence.frames_masked})"


@dataclass(frozen=True)
class Held:
    """An Instance a person has to look at before it may be released.

    Parameters
    ----------
    decision
        The findings and the proposed redactions; private.
    reasons
        PHI-free reasons for the hold.
    evidence
        What was proven so far, if masking was tried; else None.
    """

    decision: Decision
    reasons: tuple[str, ...]
    evidence: PixelEvidence | None = None


class Scrubber:
    """Scrub one Instance after another under one Policy and one key; touches no disk.

    Parameters
    ----------
    policy
        Everything that decides an outcome.
    key
        The project key for UIDs, pseudonyms and digests. Without one a fresh random key is made:
        then nothing can be linked across two Scrubbers, which is safe but seldom wanted.
    threads
        Threads each detection or recognition network may use.

    Raises
    ------
    MissingDependency
        If the reader that the policy names, or its weights, are not installed.

    Examples
    --------
    >>> from scrub_pixels import Policy, Scrubber
    >>> scrubber = Scrubber(Policy())                     # doctest: +SKIP
    >>> outcome = scrubber.scrub("echo.dcm")              # doctest: +SKIP
    >>> outcome.evidence.frames_masked                    # doctest: +SKIP
    30
    """

    def __init__(self, policy: Policy | None = None, key: ProjectKey | None = None, threads: int = 1) -> None:
        self.policy = policy or Policy()
        self.key = key or ProjectKey.generate()
        self.reader: TextReader = load_reader(self.policy.reader, threads)
        self.detectors: Detectors = load_detectors(self.policy.detector, self.reader, threads)

    def __repr__(self) -> str:
        return f"Scrubber(reader={self.policy.reader!r}, profile={self.policy.profile.name!r})"

    def scrub(self, source: Source, review: Reviewing = ()) -> Scrubbed | Held:
        """Take one Instance through every stage.

        Parameters
        ----------
        source
            A path, the bytes of a file, a readable binary file, or a Dataset; never changed.
        review
            What a person decided: a `Review`, or redactions to add to those that are found.

        Returns
        -------
        Scrubbed or Held
            The released Instance with its proof, or what a person has to look at.

        Raises
        ------
        Refusal
            If the Instance cannot be released; the subclass and its message say why.
        """
        with warnings.catch_warnings():
            # pydicom's warnings quote values, and values are identifiers.
            warnings.simplefilter("ignore")
            return self.scrub_instance(open_instance(source, self.policy.limits), review)

    def scrub_instance(self, instance: Instance, review: Reviewing = ()) -> Scrubbed | Held:
        """Take an opened Instance through the stages; see `scrub`."""
        _refuse_what_is_no_image(instance)
        if instance.pixels is None or self.policy.header_only:
            return self._without_search(instance)
        search = self.look(instance)
        settings = self.policy.decisions
        decision = reviewed(decide(search, instance.dataset, settings), review, search.shape, settings)
        if decision.disposition is not Disposition.RELEASE:
            return _kept_back(decision)
        masked, candidate = self._mask(instance, decision)
        if left := self._look_again(candidate, decision):
            decision = replace(decision, redactions=(*decision.redactions, *left))
            masked, candidate = self._mask(instance, decision)
            if self._look_again(candidate, decision):
                return Held(decision, ("text remains beside a redaction",))
        if _carries_comments(candidate):
            return Held(decision, ("a frame's codestream carries a comment or application data",))
        evidence = _described(prove(instance, candidate, masked, self.key.secret), search, decision)
        return self._released(candidate.dataset, decision, evidence)

    def propose(self, instance: Instance) -> tuple[Decision, Dataset | None]:
        """Return what would be decided for an Instance, and its masked but identified data set.

        For a person to look at; nothing is proven or released.
        """
        _refuse_what_is_no_image(instance)
        if instance.pixels is None:
            return Decision((), (), Disposition.RELEASE), None
        decision = decide(self.look(instance), instance.dataset, self.policy.decisions)
        return decision, with_pixels(instance.dataset, mask(instance, decision.redactions))

    def look(self, instance: Instance) -> TextSearch:
        """Search every frame of an Instance for text."""
        return find_text(instance, self.reader, self.policy.search, self.detectors)

    def _mask(self, instance: Instance, decision: Decision) -> tuple[MaskedPixels, Instance]:
        """Mask what was decided, and open the result anew."""
        masked = mask(instance, decision.redactions)
        return masked, open_instance(with_pixels(instance.dataset, masked), self.policy.limits)

    def _look_again(self, candidate: Instance, decision: Decision) -> tuple[Redaction, ...]:
        """Return what reading the masked frames again still finds beside the redactions."""
        detectors = Detectors(self.detectors.fine, self.detectors.fine)
        left: list[Redaction] = []
        for frame in frames_to_look_at(decision.redactions, MOST_LOOKS):
            regions = [r.region for r in decision.redactions if frame in r.frames]
            image = candidate.views(frame)[0].image
            lines = reread(image, regions, self.reader, self.policy.search, detectors)
            left += residue(lines, frame, decision, candidate.dataset, self.policy.decisions)
        return tuple(left)

    def _without_search(self, instance: Instance) -> Scrubbed | Held:
        """Release the header alone: there is nothing to search, or the policy says not to."""
        decision = Decision((), (), Disposition.RELEASE)
        return self._released(instance.dataset, decision, _unsearched(instance))

    def _released(self, dataset: Dataset, decision: Decision, evidence: PixelEvidence) -> Scrubbed:
        header = deidentify(dataset, self.policy.profile, self.key, evidence)
        return Scrubbed(header.dataset, header.pseudonym, decision, evidence, header.codes,
                        tuple(sorted(dict(header.actions).items())), header.warnings, header.pairs)


def _refuse_what_is_no_image(instance: Instance) -> None:
    if is_dicomdir(instance.dataset):
        raise NotDicom("This is a DICOMDIR, an index of other files.", stage="open",
                       remedy="Nothing to do: the files it lists are processed one by one.")
    if ENCAPSULATED_DOCUMENT in instance.dataset:
        raise UnsupportedInstance("Encapsulated documents are not searched for identifiers.", stage="decode",
                                  tag="(0042,0011) EncapsulatedDocument",
                                  remedy="Take the document out and de-identify it by other means.")


def _carries_comments(instance: Instance) -> bool:
    """Tell whether a codestream holds text beside its picture, which nothing here has searched."""
    if not instance.transfer_syntax.encapsulated:
        return False
    return any(codestream_comments(instance.encoded(frame)) for frame in range(instance.frames))


def _kept_back(decision: Decision) -> Held:
    if decision.disposition is Disposition.REFUSE:
        raise UnsupportedInstance(f"The policy refuses what is uncertain: {'; '.join(decision.reasons)}.",
                                  stage="decide", remedy="Use --on-uncertain hold to queue such Instances.")
    return Held(decision, decision.reasons)


def _unsearched(instance: Instance) -> PixelEvidence:
    uid = instance.transfer_syntax.uid
    return PixelEvidence(frames=instance.frames, frames_searched=0, frames_masked=0, frames_compared=0,
                         redactions=(), syntax_in=uid, syntax_out=uid, pixel_data_identical=True)


def _described(proof: PixelEvidence, search: TextSearch, decision: Decision) -> PixelEvidence:
    """Add what was searched and found to what was proven."""
    lines = len(decision.findings)
    kept = sum(finding.verdict is Verdict.BENIGN for finding in decision.findings)
    return replace(proof, frames_searched=search.frames_searched, reader=search.reader,
                   text_lines=lines, text_masked=lines - kept, text_kept=kept)
