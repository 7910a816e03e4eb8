"""READ FIRST: one Instance through the stages, from a file to the proof. No I/O of its own.

    open -> find text -> decide -> mask -> prove -> look again -> pictures beside the frames -> header

Everything that calls this (command line, executors, gateway, review site, library users) differs
only in where an Instance comes from and where the outcome goes. ``Scrubbed`` is the only thing
the store writes to an output folder, and only this module makes one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import BinaryIO

from pydicom import Dataset

from scrub_pixels.beside import Judges, Wishes, cleared_bits, put_back, set_aside
from scrub_pixels.decisions import (
    Decision,
    Disposition,
    KeepPolicy,
    Redaction,
    Review,
    Room,
    SeriesContext,
    Verdict,
    decide,
    frames_to_look_at,
    harmless_in,
    misspelt_lines,
    residue,
    reviewed,
    rooms_beside,
    rooms_within,
    rows_in_doubt,
    sparing,
    spoilt,
    without_lines,
    without_those_near,
    witnesses_of,
)
from scrub_pixels.errors import NotDicom, UnsupportedInstance
from scrub_pixels.frames import (
    ContentKind,
    Instance,
    OverlayPlane,
    content_kind,
    is_dicomdir,
    lies_in_stored_bits,
    open_instance,
    overlay_groups,
    scan_area,
    shows_slide_label,
)
from scrub_pixels.frames.turns import undisturbed, while_others_work
from scrub_pixels.geometry import FrameSpan, Region, Shape
from scrub_pixels.header import Option, Pairs, ProjectKey, deidentify
from scrub_pixels.header.recheck import secrets_of
from scrub_pixels.masks import (
    MaskedPixels,
    PixelEvidence,
    codestream_comments,
    coding_blocks,
    mask,
    prove,
    with_pixels,
)
from scrub_pixels.policy import Icons, Passage, Policy
from scrub_pixels.text import (
    Detectors,
    Image,
    RememberingReader,
    TextLine,
    TextReader,
    TextSearch,
    as_picture,
    find_text,
    load_detectors,
    load_reader,
    looked_closer,
    read_in_pieces,
    reread,
)

Source = str | os.PathLike[str] | bytes | BinaryIO | Dataset
Reviewing = Review | Sequence[Redaction]
Look = Callable[[Image, Iterable[TextLine], TextReader, Sequence[Region]], list[TextLine]]

SLIDE_LABEL = "policy: image of a slide's label"
IN_SAMPLES = "an overlay plane lies in bits that belong to the samples"

NOTHING_DECIDED = Decision((), (), Disposition.RELEASE)

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


@dataclass(frozen=True)
class Sight:
    """What is known about an Instance before it is decided about; private, and never written.

    Parameters
    ----------
    search
        The text that was found in it; None if it has yet to be searched.
    context
        What it, or its Series, has shown.
    """

    search: TextSearch | None = field(default=None, repr=False)
    context: SeriesContext | None = None


UNSEEN = Sight()

_MOST_PICTURES = 16
"""Frames of one Instance whose renderings are kept at a time."""


@dataclass(frozen=True)
class _Cleaned:
    """A masked Instance, what was masked in it, and whether text still remains beside that."""

    decision: Decision
    masked: MaskedPixels
    candidate: Instance
    text_remains: bool = False


class Scrubber:
    """Scrub one Instance after another under one Policy and one key; touches no disk.

    Threads may share one: they search for text at the same time, and take turns at the rest.

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
        self._threads = threads
        if not self.policy.header_only:
            self.detectors  # noqa: B018 - loaded now, so that what is missing is told now

    @cached_property
    def reader(self) -> TextReader:
        """What reads text, loaded when it is first needed."""
        return RememberingReader(load_reader(self.policy.reader, self._threads))

    @cached_property
    def detectors(self) -> Detectors:
        """What finds candidates for text, loaded when it is first needed."""
        return load_detectors(self.policy.detector, self.reader, self._threads)

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
        with undisturbed():
            # pydicom's warnings quote values, and values are identifiers.
            return self.scrub_instance(open_instance(source, self.policy.limits), review)

    def study(self, instance: Instance) -> Sight:
        """Return what an Instance shows by itself, for its siblings to know; nothing is masked.

        Raises
        ------
        Refusal
            If its frames cannot be searched.
        """
        if instance.pixels is None or self.policy.header_only or shows_slide_label(instance.dataset):
            return UNSEEN
        search, decision = self._decided(instance, UNSEEN)
        return Sight(search, SeriesContext().learn(decision.findings, search.shape))

    def scrub_instance(self, instance: Instance, review: Reviewing = (),
                       sight: Sight = UNSEEN) -> Scrubbed | Held:
        """Take an opened Instance through the stages; see `scrub`.

        Parameters
        ----------
        instance, review
            As `scrub` has them.
        sight
            What was found in it before, and what its siblings have shown (see `study`).
        """
        _refuse_index(instance)
        if reasons := _kept_from_passing(instance, self.policy):
            return Held(NOTHING_DECIDED, reasons)
        with instance.keeping_frames():
            return self._through_the_stages(instance, review, sight)

    def _through_the_stages(self, instance: Instance, review: Reviewing, sight: Sight) -> Scrubbed | Held:
        """Search, decide, mask and prove; the header comes last."""
        if instance.pixels is None or self.policy.header_only and not review:  # what a person drew is masked
            return self._released(instance, instance, NOTHING_DECIDED, _unsearched(instance))
        search, decision = self._decided(instance, sight)
        if not shows_slide_label(instance.dataset):
            decision = reviewed(decision, review, search.shape, self.policy.decisions)
        if decision.disposition is not Disposition.RELEASE:
            return _kept_back(decision)
        rooms = None if isinstance(review, Review) else self._rooms(instance, decision, search, sight)
        cleaned = self._cleaned(instance, decision, rooms)
        if cleaned.text_remains and rooms is not None:  # no Instance waits because a mask was made smaller
            cleaned = self._cleaned(instance, decision, None)
        decision, masked, candidate = cleaned.decision, cleaned.masked, cleaned.candidate
        if cleaned.text_remains:
            return Held(decision, ("text remains beside a redaction",))
        if _carries_comments(candidate):
            return Held(decision, ("a frame's codestream carries a comment or application data",))
        if self._spells_an_identifier(instance, candidate):
            return Held(decision, ("an identifier of the header is spelt in the bytes of a frame",))
        evidence = _described(prove(instance, candidate, masked, self.key.secret), search, decision)
        return self._released(instance, candidate, decision, evidence)

    def propose(self, instance: Instance) -> tuple[Decision, Dataset | None]:
        """Return what would be decided for an Instance, and its masked but identified data set.

        For a person to look at; nothing is proven or released.
        """
        _refuse_index(instance)
        if instance.pixels is None:
            return NOTHING_DECIDED, None
        _, decision = self._decided(instance, UNSEEN)
        return decision, with_pixels(instance.dataset, mask(instance, decision.redactions))

    def look(self, instance: Instance) -> TextSearch:
        """Search every frame of an Instance for text."""
        with while_others_work():
            return find_text(instance, self.reader, self.policy.search, self.detectors)

    def _decided(self, instance: Instance, sight: Sight) -> tuple[TextSearch, Decision]:
        """Search and decide; the image of a slide's label goes as a whole, whatever could be read."""
        if shows_slide_label(instance.dataset):
            return _all_black(instance)
        search = sight.search or self.look(instance)
        settings = self.policy.decisions
        by_regions = settings.policy is KeepPolicy.OUTSIDE_REGIONS
        trusted = scan_area(instance).trusted if by_regions else ()
        decision = decide(search, instance.dataset, settings, sight.context, trusted)
        if doubtful := misspelt_lines(decision.findings, settings):
            search = self._look_closer(instance, search, doubtful)
            decision = decide(search, instance.dataset, settings, sight.context, trusted)
        if rows := rows_in_doubt(decision.findings, settings):
            search = self._look_closer(instance, search, rows, read_in_pieces)
            decision = decide(search, instance.dataset, settings, sight.context, trusted)
        return search, _doubted(decision, IN_SAMPLES) if _draws_in_samples(instance) else decision

    def _look_closer(
        self, instance: Instance, search: TextSearch, lines: Sequence[TextLine], look: Look = looked_closer
    ) -> TextSearch:
        """Read again what may have been misread, and return the search with what was seen."""
        closer: dict[int, TextLine] = {}
        for frame in sorted({line.frames.start for line in lines}):
            there = [line for line in lines if line.frames.start == frame]
            picture = as_picture(instance.views(frame)[0].image)
            others = [x.region for x in search.lines if x not in there and len(x.reading) > 1]
            looked = look(picture, there, self.reader, others)
            closer.update(zip(map(id, there), looked, strict=True))
        return replace(search, lines=tuple(closer.get(id(line), line) for line in search.lines))

    def _rooms(
        self, instance: Instance, decision: Decision, search: TextSearch, sight: Sight
    ) -> tuple[Room, ...]:
        """Return what the picture shows to belong to harmless lines, or parts of lines, beside what goes."""

        @lru_cache(_MOST_PICTURES)
        def shown(frame: int) -> tuple[Image, ...]:
            return tuple(as_picture(view.image) for view in instance.views(frame))

        settings = self.policy.decisions
        asked = witnesses_of(search, instance.dataset, settings, sight.context, self.reader)
        return (*rooms_beside(decision.findings, shown, settings, coding_blocks(instance)),
                *rooms_within(decision.findings, shown, settings, asked))

    def _cleaned(self, instance: Instance, decision: Decision, rooms: Sequence[Room] | None) -> _Cleaned:
        """Mask what was decided and what a second look still finds; spare rooms beside which nothing is."""
        shape: Shape = (instance.dataset.Rows, instance.dataset.Columns)
        wanted = decision if rooms is None else sparing(decision, rooms, shape, self.policy.decisions)
        masked, candidate = self._mask(instance, wanted)
        left = self._look_again(candidate, decision)  # all that would be masked, and not only what was
        if not left:
            return _Cleaned(wanted, masked, candidate)
        fewer = without_those_near(rooms or (), left, shape)
        if rooms and len(fewer) < len(rooms):
            return self._cleaned(instance, decision, fewer)
        wanted, decision = _with(wanted, left), _with(decision, left)
        masked, candidate = self._mask(instance, wanted)
        return _Cleaned(wanted, masked, candidate, bool(self._look_again(candidate, decision)))

    def _mask(self, instance: Instance, decision: Decision) -> tuple[MaskedPixels, Instance]:
        """Mask what was decided, and open the result anew."""
        masked = mask(instance, decision.redactions)
        return masked, open_instance(with_pixels(instance.dataset, masked), self.policy.limits)

    def _look_again(self, candidate: Instance, decision: Decision) -> tuple[Redaction, ...]:
        """Return what reading the masked frames again still finds beside the redactions."""
        left: list[Redaction] = []
        if shows_slide_label(candidate.dataset):
            return ()  # black throughout
        for frame in frames_to_look_at(decision.redactions, MOST_LOOKS):
            image = as_picture(candidate.views(frame)[0].image)
            found = self._left_in(image, frame, decision, candidate.dataset)
            if lines := spoilt(found, decision, frame):
                alone = [r for r in found if not any(r.region.overlaps(line) for line in lines)]
                image = without_lines(image, lines)
                found = (*alone, *self._left_in(image, frame, decision, candidate.dataset))
            left += found
        return tuple(left)

    def _left_in(
        self, image: Image, frame: int, decision: Decision, dataset: Dataset
    ) -> tuple[Redaction, ...]:
        """Return what reading a masked frame, or a copy without some lines, finds of the text masked."""
        regions = [r.region for r in decision.redactions if frame in r.frames]
        detectors, stay = Detectors(self.detectors.fine, self.detectors.fine), harmless_in(decision, frame)
        lines = reread(image, regions, self.reader, self.policy.search, detectors, stay)
        return residue(lines, frame, decision, dataset, self.policy.decisions)

    def _spells_an_identifier(self, original: Instance, candidate: Instance) -> bool:
        """Tell whether encoded frames hold an identifier where decoders do not look (gaps, unused tables)."""
        if not candidate.transfer_syntax.encapsulated:
            return False
        _, needles = secrets_of(original.dataset, self.policy.profile, self.key)
        plain = candidate.transfer_syntax.holds_samples
        return any(needles.in_bytes(candidate.encoded(frame), plain) for frame in range(candidate.frames))

    def _released(
        self, original: Instance, candidate: Instance, decision: Decision, evidence: PixelEvidence
    ) -> Scrubbed:
        """De-identify the header of a masked Instance, without what shows a picture beside its frames."""
        aside = set_aside(original, candidate, self._wishes(), self._judges(original.dataset))
        spare = (cleared_bits(),) if evidence.cleared_bits else ()
        evidence = replace(evidence, carriers=(*spare, *aside.accounts))
        header = deidentify(aside.dataset, self.policy.profile, self.key, evidence)
        dataset = put_back(header.dataset, aside)
        if content_kind(dataset) is ContentKind.AUDIO:
            dataset.PatientIdentityRemoved = "NO"
        return Scrubbed(dataset, header.pseudonym, decision, evidence, header.codes,
                        tuple(sorted(dict(header.actions).items())), (*evidence.remarks, *header.warnings),
                        header.pairs)

    def _wishes(self) -> Wishes:
        """Return what the profile and the policy keep beside the frames; nothing that is not searched."""
        searched = not self.policy.header_only
        graphics = Option.CLEAN_GRAPHICS in self.policy.profile
        return Wishes(searched and graphics, searched and self.policy.icons is Icons.REBUILD)

    def _judges(self, dataset: Dataset) -> Judges:
        """Return how text beside the frames is judged: searched like a frame, by the same rules."""
        quiet = Dataset(dataset)
        quiet.pop("BurnedInAnnotation", None)  # it speaks of the frames

        def plane(picture: OverlayPlane) -> Decision:
            found = find_text(picture, self.reader, self.policy.search, self.detectors)
            return decide(found, quiet, self.policy.decisions)

        def text(value: str) -> Decision:
            return decide(_as_read(value), quiet, self.policy.decisions)

        return Judges(plane, text)


def _refuse_index(instance: Instance) -> None:
    if is_dicomdir(instance.dataset):
        raise NotDicom("This is a DICOMDIR, an index of other files.", stage="open",
                       remedy="Nothing to do: the files it lists are processed one by one.")


def _draws_in_samples(instance: Instance) -> bool:
    """Tell whether an overlay takes bits of the samples themselves: no search shows it by itself."""
    return any(lies_in_stored_bits(instance, group) for group in overlay_groups(instance.dataset))


def _with(decision: Decision, more: Sequence[Redaction]) -> Decision:
    return replace(decision, redactions=(*decision.redactions, *more))


def _doubted(decision: Decision, reason: str) -> Decision:
    held = Disposition.HOLD if decision.disposition is Disposition.RELEASE else decision.disposition
    return replace(decision, disposition=held, reasons=(*decision.reasons, reason))


def _kept_from_passing(instance: Instance, policy: Policy) -> tuple[str, ...]:
    """Return why an Instance waits because of what it is; refuse it if the policy says so."""
    kind = content_kind(instance.dataset)
    passage = {ContentKind.DOCUMENT: policy.documents, ContentKind.AUDIO: policy.audio,
               ContentKind.REPORT: policy.reports, ContentKind.PRESENTATION: policy.reports,
               }.get(kind, Passage.HEADER)
    if passage is Passage.HEADER:
        return ()
    reason = f"{kind.value}: its content is not searched for identifiers"
    if passage is Passage.HOLD:
        return (reason,)
    raise UnsupportedInstance(f"{reason[0].upper()}{reason[1:]}.", stage="decide",
                              remedy="De-identify it by other means, or see the policy's documents, "
                                     "reports and audio.")


def _all_black(instance: Instance) -> tuple[TextSearch, Decision]:
    """Decide that no sample stays: there is nothing to search then."""
    shape, frames = (instance.dataset.Rows, instance.dataset.Columns), instance.frames
    whole = Redaction(Region.whole(shape), FrameSpan(0, frames), SLIDE_LABEL)
    return TextSearch((), shape, frames, frames, ""), Decision((), (whole,), Disposition.RELEASE)


_LINE, _LETTER = 20, 10


def _as_read(text: str) -> TextSearch:
    """Return typed text as if it had been read, line by line, far from the edges of a frame."""
    found = [line for line in text.splitlines() if line.strip()]
    middle, whole = _LINE * 10 * (len(found) + 1), FrameSpan(0, 1)
    lines = tuple(
        TextLine(Region(middle + _LINE * row, _LINE, _LINE - 4, _LETTER * len(line)), whole, line, 1.0, 1.0)
        for row, line in enumerate(found)
    )
    shape = 2 * middle + _LINE, _LINE * 2 + _LETTER * max(map(len, found), default=1)
    return TextSearch(lines, shape, 1, 1, "")


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
    kept = sum(f.verdict is Verdict.BENIGN and not _is_covered(f.line, decision) for f in decision.findings)
    return replace(proof, frames_searched=search.frames_searched, reader=search.reader,
                   text_lines=lines, text_masked=lines - kept, text_kept=kept)


def _is_covered(line: TextLine, decision: Decision) -> bool:
    """Tell whether a harmless line went with what had to go: all that is outside of trusted regions."""
    return any(r.region.contains(line.region) and r.frames.overlaps(line.frames) for r in decision.redactions)
