"""deidentify: one data set in, one de-identified data set out (PS3.15 Annex E)."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset

from scrub_pixels.decisions.identity import harvest
from scrub_pixels.errors import HeaderNotClean, UnreadableFile
from scrub_pixels.header.actions import Scene, Subject, Tally
from scrub_pixels.header.character_set import keep_spellable
from scrub_pixels.header.crosswalk import Pairs, assignment_for
from scrub_pixels.header.engine import cleaned_level
from scrub_pixels.header.file_meta import complete, rebuilt
from scrub_pixels.header.iod_types import types_for
from scrub_pixels.header.keys import ProjectKey
from scrub_pixels.header.marks import has_pixels, mark, proven
from scrub_pixels.header.needles import Needles, needles_of
from scrub_pixels.header.options import Profile
from scrub_pixels.header.reading import ODD_DATA, shallow, text_of
from scrub_pixels.header.recipe_actions import add_missing
from scrub_pixels.header.recipe_match import keeps, script_for
from scrub_pixels.header.scan import blank_survivors
from scrub_pixels.header.table import code_for
from scrub_pixels.masks.evidence import PixelEvidence


@dataclass(frozen=True)
class HeaderResult:
    """A de-identified data set and what was done to it. The repr shows no value.

    Parameters
    ----------
    dataset
        New; file meta rebuilt, preamble zeroed. Pixel Data is the input's, not copied.
    pseudonym
        The replacement for Patient ID.
    actions
        How often each action code of Table E.1-1 was carried out.
    codes
        De-identification Method codes claimed (CID 7050).
    warnings
        Oddities, by attribute; free of PHI.
    pairs
        Old and new Patient ID and UIDs, for the crosswalk in the private workspace.
    """

    dataset: Dataset = field(repr=False)
    pseudonym: str
    actions: Mapping[str, int]
    codes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    pairs: Pairs = field(default_factory=Pairs, repr=False)


def deidentify(
    dataset: Dataset, profile: Profile, key: ProjectKey, evidence: PixelEvidence | None = None
) -> HeaderResult:
    """Return a de-identified copy of a data set.

    Parameters
    ----------
    dataset
        What to de-identify, with pixels already masked; never changed, large values never copied.
    profile
        The Basic Profile with options.
    key
        The project's key: UIDs and pseudonyms agree wherever it is shared.
    evidence
        The proof of the pixels. Without it nothing is claimed about them, and Patient Identity
        Removed is YES only for data without pixels.

    Raises
    ------
    HeaderNotClean
        If an identifier of the original is left.
    UnreadableFile
        If the data set cannot be walked at all.
    """
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            return _deidentified(dataset, profile, key, evidence)
    except ODD_DATA as error:
        raise UnreadableFile(f"The data set cannot be walked ({type(error).__name__}).", stage="header",
                             remedy="Repair or leave out the file.") from None  # fmt: skip


def _deidentified(
    dataset: Dataset, profile: Profile, key: ProjectKey, evidence: PixelEvidence | None
) -> HeaderResult:
    source = _with_meta(dataset)
    tally = Tally()
    scene = Scene(profile, key, subject_of(source, profile, key), types_for(source),
                  _needles(source, profile, key), tally, script_for(profile.recipe, source))  # fmt: skip
    target = cleaned_level(source, (), scene)
    add_missing(target, source, scene)
    blank_survivors(target, scene)
    complete(target, dataset, scene)
    codes = mark(target, profile, evidence, scene)
    keep_spellable(target, tally)
    target.file_meta = rebuilt(dataset, target)
    target.preamble = bytes(128)
    if has_pixels(target) and not proven(target, evidence):
        tally.warnings["pixels are not proven clean; Patient Identity Removed is NO"] = None
    new_id = text_of(target, "PatientID") if profile.recipe else scene.subject.pseudonym
    pairs = Pairs((text_of(source, "PatientID"), new_id), dict(tally.uids))
    return HeaderResult(
        dataset=target,
        pseudonym=scene.subject.pseudonym,
        actions=MappingProxyType(dict(tally.actions)),
        codes=codes,
        warnings=(*tally.warnings, *(profile.recipe.remarks if profile.recipe else ())),
        pairs=pairs,
    )


def subject_of(source: Dataset, profile: Profile, key: ProjectKey) -> Subject:
    """Return pseudonym and date offset of the patient an Instance is about.

    Without a Patient ID the Study stands for the patient, so that two nameless patients never
    become one.
    """
    issuer, patient = text_of(source, "IssuerOfPatientID"), text_of(source, "PatientID")
    chosen = assignment_for(patient, profile.pseudonyms)
    if chosen is None and profile.refuse_unassigned:
        raise HeaderNotClean(
            "The list of pseudonyms does not name this patient.",
            stage="header",
            tag="(0010,0020) PatientID",
            remedy="Add the patient to the list, or let missing pseudonyms be generated.",
        )
    if not patient:
        issuer, patient = "\0study", text_of(source, "StudyInstanceUID") or text_of(source, "SOPInstanceUID")
    days = chosen.days if chosen is not None and chosen.days is not None else key.day_offset(issuer, patient)
    return Subject(chosen.pseudonym if chosen is not None else key.pseudonym(issuer, patient), days)


def _needles(source: Dataset, profile: Profile, key: ProjectKey) -> Needles:
    """Return what must not stand in the result: all identifiers but those the profile keeps."""
    identity = harvest(source)
    kept = frozenset(i.keyword for i in identity if _is_kept(i.keyword, profile))
    own = {i.value for i in identity if key.made_pseudonym(i.value) or key.made_uid(i.value)}
    return needles_of(identity, kept, own)


def _with_meta(dataset: Dataset) -> Dataset:
    """Return a copy to read at will, with its file meta: that names the sender."""
    twin, meta = shallow(dataset), getattr(dataset, "file_meta", None)
    if isinstance(meta, Dataset):
        twin.file_meta = FileMetaDataset(shallow(meta))
    return twin


def _is_kept(keyword: str, profile: Profile) -> bool:
    tag = tag_for_keyword(keyword)
    if tag is None:
        return False
    by_recipe = profile.recipe is not None and keeps(tag, profile.recipe)
    return by_recipe or code_for(tag, profile.options) == "K"
