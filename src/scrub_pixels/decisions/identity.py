"""Identity: what the header knows about who, where and when, gathered for comparing.

`harvest` walks a data set to every depth and collects the values that would identify a person, a
place, a visit or a moment if they stood in the pixels. It is a witness, not a promise: burned-in
identifiers are often absent from the header, so nothing may be kept just because it is not here.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary

from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.frames.elements import element_of


class IdentifierKind(str, Enum):
    """What an identifier is; decides how it is compared with text."""

    NAME = "name"
    ID = "id"
    DATE = "date"
    TIME = "time"
    AGE = "age"
    INSTITUTION = "institution"
    ADDRESS = "address"
    PHONE = "phone"
    UID = "uid"
    DEVICE_SERIAL = "device serial"
    FREE_TEXT = "free text"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifying value of the header.

    Parameters
    ----------
    keyword
        Keyword of the attribute (PS3.6), or its tag as ``(gggg,eeee)`` if it has none.
    kind
        What it is.
    value
        The value as text. Never part of the repr.
    """

    keyword: str
    kind: IdentifierKind
    value: str = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """Every identifier of one Instance, without repeats. The repr counts them and shows none."""

    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return f"Identity({len(self.identifiers)} identifiers)"

    def __iter__(self) -> Iterator[Identifier]:
        return iter(self.identifiers)

    def __len__(self) -> int:
        return len(self.identifiers)

    def of(self, *kinds: IdentifierKind) -> tuple[Identifier, ...]:
        """Return the identifiers of the given kinds."""
        return tuple(i for i in self.identifiers if i.kind in kinds)

    def merged(self, other: Identity) -> Identity:
        """Return the identifiers of both, as when Instances of one Series vouch for each other."""
        return Identity(tuple(dict.fromkeys((*self.identifiers, *other.identifiers))))

    def words(self, *kinds: IdentifierKind) -> frozenset[str]:
        """Return the folded letter and digit runs of all values of the given kinds (all if none given)."""
        chosen = self.of(*kinds) if kinds else self.identifiers
        return frozenset(word for identifier in chosen for word in tokens(fold(identifier.value)))


_K = IdentifierKind

_BY_VR = MappingProxyType(
    {"PN": _K.NAME, "DA": _K.DATE, "DT": _K.DATE, "TM": _K.TIME, "AS": _K.AGE, "UI": _K.UID}
)
"""Kind by Value Representation (PS3.5 6.2), for every element, private ones too."""

_BY_KEYWORD = MappingProxyType(
    {
        keyword: kind
        for kind, keywords in {
            # Patient, Visit, Imaging Service Request and Procedure Step modules (PS3.3 C.2, C.3, C.4),
            # and what PS3.15 Table E.1-1 lists of the same nature.
            _K.NAME: """
                PatientName OtherPatientNames PatientBirthName PatientMotherBirthName ResponsiblePerson
                ReferringPhysicianName ConsultingPhysicianName PhysiciansOfRecord PerformingPhysicianName
                NameOfPhysiciansReadingStudy OperatorsName RequestingPhysician
                ScheduledPerformingPhysicianName OrderEnteredBy NamesOfIntendedRecipientsOfResults
                HumanPerformerName PersonName VerifyingObserverName ContentCreatorName
                InterpretationRecorder InterpretationTranscriber InterpretationAuthor
                PhysicianApprovingInterpretation DistributionName ReviewerName EvaluatorName
                SecondaryReviewerName
                """,
            _K.ID: """
                PatientID OtherPatientIDs IssuerOfPatientID IssuerOfPatientIDQualifiersSequence
                AccessionNumber StudyID AdmissionID IssuerOfAdmissionID ServiceEpisodeID
                IssuerOfServiceEpisodeID RequestedProcedureID ScheduledProcedureStepID
                PerformedProcedureStepID MedicalRecordLocator PlacerOrderNumberImagingServiceRequest
                FillerOrderNumberImagingServiceRequest PlacerOrderNumberProcedure
                FillerOrderNumberProcedure ReferencedPatientAliasSequence InsurancePlanIdentification
                ResultsID InterpretationID ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
                ClinicalTrialProtocolID ClinicalTrialSiteID SpecimenIdentifier ContainerIdentifier
                SpecimenAccessionNumber MilitaryRank BranchOfService UniversalEntityID
                LocalNamespaceEntityID BarcodeValue LabelText TextString DetectorID PlateID CassetteID
                """,
            _K.INSTITUTION: """
                InstitutionName InstitutionalDepartmentName StationName StationAETitle
                ScheduledStationName ScheduledStationAETitle PerformedStationName PerformedStationAETitle
                PerformedLocation ScheduledProcedureStepLocation RequestingService CurrentPatientLocation
                PatientInstitutionResidence ResponsibleOrganization HumanPerformerOrganization
                VerifyingOrganization ClinicalTrialSiteName ClinicalTrialSponsorName
                ClinicalTrialCoordinatingCenterName RetrieveAETitle SourceApplicationEntityTitle
                SendingApplicationEntityTitle ReceivingApplicationEntityTitle NetworkID
                OrderEntererLocation ScheduledStationGeographicLocationCodeSequence
                """,
            _K.ADDRESS: """
                InstitutionAddress PatientAddress ReferringPhysicianAddress PersonAddress
                DistributionAddress CountryOfResidence RegionOfResidence
                """,
            _K.PHONE: """
                PatientTelephoneNumbers PatientTelecomInformation ReferringPhysicianTelephoneNumbers
                PersonTelephoneNumbers PersonTelecomInformation OrderCallbackPhoneNumber
                OrderCallbackTelecomInformation
                """,
            _K.DATE: """
                PatientBirthDate StudyDate SeriesDate AcquisitionDate ContentDate InstanceCreationDate
                PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar
                PerformedProcedureStepStartDate AcquisitionDateTime DateOfSecondaryCapture
                """,
            _K.TIME: """
                PatientBirthTime StudyTime SeriesTime AcquisitionTime ContentTime InstanceCreationTime
                PerformedProcedureStepStartTime
                """,
            _K.AGE: "PatientAge",
            _K.DEVICE_SERIAL: """
                DeviceSerialNumber GantryID GeneratorID SecondaryCaptureDeviceID DeviceID
                UniqueDeviceIdentifier SourceSerialNumber LensSerialNumber
                """,
            _K.FREE_TEXT: """
                PatientComments AdditionalPatientHistory ImageComments StudyComments VisitComments
                AdmittingDiagnosesDescription RequestedProcedureComments ReasonForStudy
                ReasonForTheRequestedProcedure ImagingServiceRequestComments FrameComments Occupation
                SpecialNeeds Allergies MedicalAlerts PatientReligiousPreference EthnicGroup
                CommentsOnThePerformedProcedureStep CommentsOnTheScheduledProcedureStep
                """,
        }.items()
        for keyword in keywords.split()
    }
)
"""Kind by keyword; it goes before the VR, which may be wrong in the file."""

_NAMED_BY_CODE = MappingProxyType(
    {
        "InstitutionCodeSequence": _K.INSTITUTION,
        "InstitutionalDepartmentTypeCodeSequence": _K.INSTITUTION,
        "PersonIdentificationCodeSequence": _K.NAME,
        "RequestingServiceCodeSequence": _K.INSTITUTION,
        "PerformedStationNameCodeSequence": _K.INSTITUTION,
        "ScheduledStationNameCodeSequence": _K.INSTITUTION,
    }
)
"""Sequences whose Code Value and Code Meaning (PS3.3 8.8) name a person or a place."""

_SOFTWARE_UIDS = frozenset({"ImplementationClassUID", "PrivateInformationCreatorUID", "CodingSchemeUID"})
"""UIDs that name software or a coding scheme, not an Instance."""

_CODE_KEYWORDS = frozenset({"CodeValue", "CodeMeaning", "LongCodeValue"})
_ODD_DATA = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, LookupError,
    ArithmeticError, struct.error, EOFError, OSError, BytesLengthException, InvalidDicomError,
)  # fmt: skip
_DEEPEST = 64


def harvest(dataset: Dataset) -> Identity:
    """Collect every identifier of a data set and its file meta information, at all depths.

    Parameters
    ----------
    dataset
        The data set; it is read, never changed. Values in a wrong VR, in an undeclared character
        set, multi-valued, empty or broken are taken as far as they can be read; none raises.
    """
    meta = getattr(dataset, "file_meta", None)
    sources = [source for source in (dataset, meta) if isinstance(source, Dataset)]
    found = (identifier for source in sources for identifier in _walk(source, None, 0))
    return Identity(tuple(dict.fromkeys(found)))


def _walk(dataset: Dataset, coded: IdentifierKind | None, depth: int) -> Iterator[Identifier]:
    """Yield the identifiers of one level and, below it, of every item of every sequence."""
    for tag, found in tuple(dataset._dict.items()):
        element = found if isinstance(found, DataElement) else _element(dataset, tag)
        if element is None:
            continue
        if isinstance(element.value, Sequence):
            yield from _walk_items(element, depth)
        elif coded is not None or _identifies(int(tag), element.VR):
            yield from _identifiers(element, coded)


def _walk_items(element: DataElement, depth: int) -> Iterator[Identifier]:
    if depth >= _DEEPEST:
        return
    coded = _NAMED_BY_CODE.get(element.keyword)
    for item in element.value:
        yield from _walk(item, coded, depth + 1)


def _element(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """Return the element, with its raw value as text where it cannot be converted."""
    try:
        return element_of(dataset, tag)
    except _ODD_DATA:
        value = _bytes_of(dataset, tag)
        return _as_long_text(tag, value) if value is not None else None


def _bytes_of(dataset: Dataset, tag: BaseTag) -> bytes | None:
    """Return the raw value; None where there is none, which pydicom may find only by raising again."""
    try:
        value = getattr(dataset.get_item(tag), "value", None)
    except _ODD_DATA:
        return None
    return value if isinstance(value, bytes) else None


def _as_long_text(tag: BaseTag, value: bytes) -> DataElement:
    return DataElement(tag, "LT", value.decode("latin-1").replace("\\", " "), already_converted=True)


def _identifiers(element: DataElement, coded: IdentifierKind | None) -> Iterator[Identifier]:
    """Yield one identifier per value of an element that identifies."""
    keyword = _keyword(element.tag)
    kind = _kind(keyword, element.VR, coded)
    if kind is None:
        return
    name = keyword or f"({element.tag.group:04x},{element.tag.element:04x})"
    for value in _texts(element):
        if kind is not _K.UID or (name not in _SOFTWARE_UIDS and value not in UID_dictionary):
            yield Identifier(name, kind, value)


def _kind(keyword: str, vr: str, coded: IdentifierKind | None) -> IdentifierKind | None:
    if coded is not None and keyword in _CODE_KEYWORDS:
        return coded
    return _BY_KEYWORD.get(keyword) or _BY_VR.get(vr)


@functools.lru_cache(maxsize=8192)
def _identifies(tag: int, vr: str) -> bool:
    """Tell whether an element of this tag and VR identifies wherever it stands."""
    return _kind(_keyword(BaseTag(tag)), vr, None) is not None


@functools.lru_cache(maxsize=8192)
def _keyword(tag: BaseTag) -> str:
    """Return the keyword of a tag, as an element of it has it."""
    return DataElement(tag, "UN", None).keyword


def _texts(element: DataElement) -> Iterable[str]:
    """Return each value as stripped text; empty ones are left out."""
    value = element.value
    values = value if isinstance(value, (MultiValue, list, tuple)) else (value,)
    texts = (_text(v).strip(" \0\r\n\t") for v in values)
    return [text for text in texts if text]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    try:
        return str(value)
    except _ODD_DATA:
        return ""
