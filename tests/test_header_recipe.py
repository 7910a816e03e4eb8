"""Recipes in pydicom/deid's language: what is understood, what wins, what it does, and what is claimed."""

from __future__ import annotations

import importlib.metadata
import io
import pickle

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from scrub_pixels.errors import UsageError
from scrub_pixels.header import (
    PROFILES,
    Option,
    Profile,
    ProjectKey,
    Recipe,
    RecipeError,
    deidentify,
    parse_recipe,
    plan,
    read_recipe,
)
from scrub_pixels.header.marks import METHOD_OF_RECIPE

KEY = ProjectKey(b"r" * 32)
BASIC = frozenset({Option.CLEAN_PIXEL_DATA})


def report(**values: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.4", "1.2.5"
    dataset.PatientName, dataset.PatientID = "Quillfeather^Marjolaine", "PX-4471903"
    dataset.StudyDate, dataset.StudyTime = "20200301", "101112"
    dataset.AcquisitionDateTime = "20200301101112.5+0100"
    dataset.StudyDescription, dataset.StationName, dataset.Modality = "Liver routine", "ROOM3", "SR"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def header(*lines: str) -> str:
    return "\n".join(("FORMAT dicom", "", "%header", *lines))


def result(dataset: Dataset, *lines: str, options: frozenset[Option] = BASIC, **more: object):
    return deidentify(dataset, Profile("r", options, recipe=Recipe(header(*lines), **more)), KEY)


def cleaned(*lines: str, **values: object) -> Dataset:
    return result(report(**values), *lines).dataset


# --- the language ----------------------------------------------------------------------------


WHOLE = '''
# a comment
FORMAT dicom

%filter graylist
LABEL Maker X # (somebody)
  contains Manufacturer Maker|Other
  + equals Rows 512 || missing ImageType
  || notcontains BurnedInAnnotation No
  coordinates 0,0,512,110
  keepcoordinates 1,2,3,4
  ctpcoordinates 0, 0, 10,20

%labels
ADD MAINTAINER somebody

%fields names
FIELD endswith:Name
FIELD (0010,1001)

%values words
SPLIT PatientName by="^";minlength=4
FIELD startswith:OtherPatient

%header
ADD PatientIdentityRemoved YES
REPLACE fields:names REMOVED
REMOVE values:words
REMOVE ALL contains:\\d{7}   # numbers
KEEP select:group:0028
BLANK select:VR:TM
JITTER endswith:Date 31
hash AccessionNumber
REMOVE (0033,"SOME MAKER: 1.0",1E)
BLANK 00101001
REMOVE except:Study|Series
'''


def test_every_section_and_form_is_understood():
    recipe = parse_recipe(WHOLE)
    assert [rule.action for rule in recipe.rules] == [
        "ADD", "REPLACE", "REMOVE", "REMOVE", "KEEP", "BLANK", "JITTER", "HASH", "REMOVE", "BLANK", "REMOVE"]
    assert [rule.target.form for rule in recipe.rules] == [
        "name", "fields", "values", "all", "group", "vr", "endswith", "name", "private", "tag", "except"]
    assert WHOLE.splitlines()[recipe.rules[0].line - 1].startswith("ADD Pat")
    assert recipe.rules[3].value == r"contains:\d{7}"
    words = recipe.groups["values", "words"]
    assert [(w.by, w.shortest) for w in words] == [("^", 4), ("", 1)]
    assert recipe.labels == (("MAINTAINER", "somebody"),)
    (rule,) = recipe.pixel_rules
    assert rule.label == "Maker X" and len(rule.lines) == 6
    Recipe(WHOLE)


@pytest.mark.parametrize(("line", "text"), [
    (4, header("ERASE PatientName")), (4, header("REMOVE")), (4, header("REPLACE PatientID")),
    (4, header("KEEP Rows always")), (4, header("JITTER StudyDate soon")), (4, header("REMOVE (0010;0010)")),
    (4, header("REMOVE 0010")), (4, header("REMOVE around:Name")), (4, header("REMOVE contains:(")),
    (4, header("REMOVE select:size:4")), (4, header('REMOVE (0033,"X,1E)')),
    (4, header("REMOVE ALL maybe:x")),
    (5, header("REMOVE PatientName", "%footer")), (5, header("KEEP Rows", "%fields")),
    (1, "REMOVE PatientName"), (1, "FORMAT nifti\n%header"), (2, "%filter x\ncontains Modality CT"),
    (3, "%filter x\nLABEL a\ncoordinates 1,2"), (3, "%filter x\nLABEL a\nresembles Modality CT"),
    (2, "%values x\nSPLIT PatientName on=^"), (2, "%fields x\nSPLIT PatientName"),
    (2, "%fields x\nFIELD fields:y"),
])
def test_what_is_not_understood_is_an_error_with_its_line(line, text):
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text)
    assert caught.value.line == line and f"Line {line} " in str(caught.value)


@pytest.mark.parametrize("line", [
    "REMOVE PatentName", "KEEP OrdValue", "REPLACE PatientID var:id", "REPLACE PatientID func:f",
    "REPLACE StudyInstanceUID deid_func:magic", "REMOVE fields:none", "REMOVE ALL values:none",
    "REPLACE StudyDate yesterday", "ADD Rows many", "ADD StudyInstanceUID 1.2.x",
    "ADD ContentSequence x", "REPLACE Modality lowercase", "ADD MediaStorageSOPInstanceUID 1.2",
    "REPLACE PatientName Jörg", "REMOVE PixelData", "ADD 00091001 x", f"ADD AccessionNumber {'x' * 17}",
])
def test_what_cannot_be_carried_out_is_an_error_before_any_file_is_read(line):
    parse_recipe(header(line))
    with pytest.raises(RecipeError) as caught:
        Recipe(header("KEEP Rows", line))
    assert caught.value.line == 5


def test_a_file_that_is_no_recipe(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("binary", "missing"):
        with pytest.raises(UsageError):
            read_recipe(tmp_path / name)


# --- what it does ----------------------------------------------------------------------------


def test_actions_do_what_they_say():
    out = cleaned("REMOVE Modality", "BLANK Manufacturer", "REPLACE StationName X1", "KEEP StudyDescription",
                  "ADD ClinicalTrialTimePointID T2", Manufacturer="ACME")
    assert "Modality" not in out and out.Manufacturer in ("", None)
    assert (out.StationName, out.StudyDescription) == ("X1", "Liver routine")
    assert out.ClinicalTrialTimePointID == "T2"


def test_the_action_that_wins_is_deids():
    assert cleaned("KEEP StudyDescription", "REMOVE ALL", "BLANK ALL").StudyDescription == "Liver routine"
    assert cleaned("REPLACE StationName A", "REPLACE StationName B", "REMOVE StationName").StationName == "B"
    assert "StationName" not in cleaned("BLANK StationName", "REMOVE StationName")


def test_remove_all_leaves_an_instance_that_can_be_stored():
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    out = result(dataset, "REMOVE ALL").dataset
    assert out.pixel_array.shape == (128, 128)
    assert out.StudyInstanceUID == KEY.new_uid(dataset.StudyInstanceUID)
    assert "Modality" not in out and "PatientName" not in out


@pytest.mark.parametrize(("line", "gone", "stays"), [
    ("REMOVE startswith:Mod", "Modality", "Manufacturer"),
    ("REMOVE endswith:ality", "Modality", "Manufacturer"),
    ("REMOVE contains:anufact", "Manufacturer", "Modality"),
    ("REMOVE except:Modality|UID", "Manufacturer", "Modality"),
    ("REMOVE select:VR:CS", "Modality", "Manufacturer"),
    ("REMOVE select:group:0018", "SliceThickness", "Modality"),
    ("REMOVE (0008,0070)", "Manufacturer", "Modality"),
    ("REMOVE 00080070", "Manufacturer", "Modality"),
    ("REMOVE ALL contains:ACM", "Manufacturer", "Modality"),
    ("REMOVE ALL equals:sr", "Modality", "Manufacturer"),
    ("REMOVE Manufacturer notequals:OTHER", "Manufacturer", "Modality"),
])
def test_forms_of_naming_elements(line, gone, stays):
    out = cleaned(line, Manufacturer="ACME", SliceThickness="2")
    assert gone not in out and stays in out


def test_elements_in_sequences_are_reached_by_name_and_by_path():
    item = Dataset()
    item.CodeValue, item.CodeMeaning, item.CodingSchemeDesignator = "T1", "Liver", "SRT"
    kept = cleaned("REMOVE CodeMeaning", AnatomicRegionSequence=[item]).AnatomicRegionSequence[0]
    assert "CodeMeaning" not in kept and kept.CodeValue == "T1"
    path = "REMOVE AnatomicRegionSequence__CodeMeaning"
    assert "CodeMeaning" not in cleaned(path, AnatomicRegionSequence=[item]).AnatomicRegionSequence[0]
    assert "CodeMeaning" in cleaned(path, ProcedureCodeSequence=[item]).ProcedureCodeSequence[0]


def test_groups_of_fields_and_of_values():
    groups = "%fields people\nFIELD endswith:Name\n%values words\nSPLIT PatientName by='^';minlength=4\n"
    text = groups + header("REPLACE fields:people NOBODY", "REMOVE values:words")
    dataset = report(SeriesDescription="of QUILLFEATHER", OperatorsName="Somebody", ProtocolName="Abdomen")
    profile = Profile("r", BASIC | {Option.CLEAN_DESCRIPTORS}, recipe=Recipe(text))
    out = deidentify(dataset, profile, KEY).dataset
    assert (out.OperatorsName, out.ProtocolName) == ("NOBODY", "NOBODY")
    assert "SeriesDescription" not in out


def test_private_elements_by_creator():
    dataset = report()
    block = dataset.private_block(0x0033, "SOME MAKER: 1.0", create=True)
    block.add_new(0x1E, "LO", "left")
    block.add_new(0x1F, "LO", "right")
    out = result(dataset, 'KEEP (0033,"SOME MAKER: 1.0",1E)').dataset
    assert out[0x0033101E].value == "left" and out[0x00330010].value == "SOME MAKER: 1.0"
    assert 0x0033101F not in out


def test_dates_move_by_whole_days_in_every_vr():
    out = cleaned("JITTER endswith:Date 31", "JITTER AcquisitionDateTime -1", "JITTER StudyTime 5")
    assert (out.StudyDate, out.AcquisitionDateTime) == ("20200401", "20200229101112.5+0100")
    assert out.StudyTime == "101112"


def test_days_and_pseudonym_of_the_key_are_variables():
    out = cleaned("JITTER StudyDate var:days", "REPLACE ClinicalTrialSubjectID var:pseudonym",
                  ClinicalTrialSubjectID="1")
    again = deidentify(report(), Profile("d", frozenset({Option.RETAIN_MODIFIED_DATES})), KEY)
    assert out.StudyDate == again.dataset.StudyDate
    assert out.ClinicalTrialSubjectID == again.pseudonym


def test_what_is_no_date_gets_its_basic_code_and_a_warning():
    found = result(report(PatientBirthDate=""), "JITTER StationName 3")
    assert "StationName" not in found.dataset
    assert any("StationName" in warning for warning in found.warnings)


@pytest.mark.parametrize(("keyword", "value"), [
    ("AccessionNumber", "A1234567"), ("PatientName", "Quillfeather^Marjolaine"), ("StudyDate", "20200301"),
    ("StudyTime", "101112"), ("AcquisitionDateTime", "20200301101112"), ("StationName", "ROOM3"),
    ("SeriesNumber", "12"), ("BodyPartExamined", "LIVER"), ("FrameOfReferenceUID", "1.2.9"),
    ("StudyComments", "long"), ("RetrieveAETitle", "NODE1"), ("DeviceSerialNumber", "S-1"),
])
def test_a_hash_is_keyed_stable_and_valid(keyword, value):
    def hashed(key: ProjectKey) -> str:
        recipe = Recipe(header(f"HASH {keyword}"))
        out = deidentify(report(**{keyword: value}), Profile("h", BASIC, recipe=recipe), key).dataset
        pydicom.config.settings.writing_validation_mode, before = pydicom.config.RAISE, \
            pydicom.config.settings.writing_validation_mode
        try:
            out.save_as(io.BytesIO(), enforce_file_format=True)
        finally:
            pydicom.config.settings.writing_validation_mode = before
        return str(out[keyword].value)

    assert hashed(KEY) == hashed(KEY) != hashed(ProjectKey(b"s" * 32))
    assert value not in hashed(KEY)


def test_functions_are_called_as_deid_does():
    def shout(dicom, value, field, item):
        return f"{field.value}{item['mark']}".upper()

    def is_short(dicom, value, field, item):
        return len(str(field.value)) < 3

    out = result(report(ProtocolName="liver"), "REPLACE ProtocolName func:shout", "REMOVE ALL func:is_short",
                 functions={"shout": shout, "is_short": is_short}, variables={"mark": "!"}).dataset
    assert out.ProtocolName == "LIVER!" and "Modality" not in out


def test_functions_of_deid_are_done_under_the_key():
    out = cleaned("REPLACE FrameOfReferenceUID deid_func:pydicom_uuid",
                  "JITTER StudyDate deid_func:jitter days=1", FrameOfReferenceUID="1.2.9")
    assert out.FrameOfReferenceUID == KEY.new_uid("1.2.9") and out.StudyDate == "20200302"


# --- what is claimed -------------------------------------------------------------------------


def claims(found) -> tuple[bool, str]:
    return "113100" in found.codes, found.dataset.PatientIdentityRemoved


@pytest.mark.parametrize(("line", "weaker"), [
    ("KEEP StationName", True), ("JITTER StudyDate 31", True), ("HASH StationName", True),
    ("KEEP StudyInstanceUID", True), ("KEEP Modality", False), ("REMOVE Modality", False),
    ("BLANK StationName", False), ("REPLACE StationName X", False), ("HASH StudyInstanceUID", False),
    ("HASH PatientID", False), ("ADD PatientIdentityRemoved YES", False),
])
def test_a_recipe_that_keeps_what_basic_removes_is_told_and_not_claimed(line, weaker):
    found = result(report(), line)
    assert claims(found) == ((False, "NO") if weaker else (True, "YES"))
    assert any("line 4 of the recipe" in warning for warning in found.warnings) is weaker
    assert found.dataset.DeidentificationMethod == METHOD_OF_RECIPE and len(METHOD_OF_RECIPE) <= 64


def test_what_the_options_allow_is_not_weaker():
    dates = BASIC | {Option.RETAIN_MODIFIED_DATES}
    assert claims(result(report(), "JITTER StudyDate 31", options=dates)) == (True, "YES")
    clean = BASIC | {Option.CLEAN_DESCRIPTORS}
    found = result(report(), "KEEP StudyDescription", options=clean)
    assert "113105" not in found.codes and "113100" not in found.codes


def test_an_identifier_in_a_text_that_is_kept_goes_nevertheless():
    out = cleaned("KEEP StudyDescription", StudyDescription="Liver of Quillfeather")
    assert "Quillfeather" not in str(out.get("StudyDescription", ""))
    assert str(cleaned("KEEP PatientName").PatientName) == "Quillfeather^Marjolaine"


def test_pixel_rules_are_kept_and_told_not_applied():
    text = "%filter gray\nLABEL a\n  contains Modality SR\n  coordinates 0,0,9,9\n"
    found = deidentify(report(), Profile("f", BASIC, recipe=Recipe(text)), KEY)
    assert any("not applied" in warning for warning in found.warnings)


def test_the_plan_names_the_line_and_is_what_happens():
    recipe = Recipe(header("KEEP InstitutionName", "REMOVE select:group:0018", "REPLACE PatientName X",
                           "BLANK select:VR:DA"))
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    profile = Profile("r", PROFILES["research"].options, recipe=recipe)
    planned = plan(dataset, profile)
    lines = {p.attribute: p for p in planned if not p.path}
    assert lines["(0008,0080) InstitutionName"].because == "recipe line 4: KEEP, weaker than the profile"
    assert lines["(0018,0050) SliceThickness"].action == "X"
    counted = {code: sum(p.action == code for p in planned) for code in {p.action for p in planned}}
    assert counted == dict(deidentify(dataset, profile, KEY).actions)


def test_a_recipe_travels_and_hides_itself():
    profile = Profile("r", BASIC, recipe=Recipe(header("REPLACE PatientName SECRET7")))
    assert {pickle.loads(pickle.dumps(profile)), profile} == {profile}
    assert "SECRET7" not in repr(profile)
    other = Profile("r", BASIC, recipe=Recipe(header("REPLACE PatientName SECRET8")))
    assert profile != other and profile.hidden != other.hidden


# --- what deid itself ships ------------------------------------------------------------------


def shipped() -> list[str]:
    """Return the recipes in deid's own package, which is not imported."""
    try:
        files = importlib.metadata.files("deid") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [file.read_text() for file in files if file.name.startswith("deid.dicom")]


@pytest.mark.skipif(not shipped(), reason="deid is not installed")
def test_every_recipe_that_deid_ships_is_understood_and_followed():
    variables = {"entity_timestamp": "19010203", "item_timestamp": "20010203",
                 "entity_id": "E1", "item_id": "I1"}
    followed = [Recipe(text, variables) for text in shipped()]
    assert len(followed) == 3
    for recipe in followed:
        out = deidentify(report(), Profile("deid", BASIC, recipe=recipe), KEY).dataset
        assert "Quillfeather" not in str(out) and "4471903" not in str(out)
        assert (out.get("PatientID") == "E1") == ("var:entity_id" in recipe.text)


def test_removing_what_is_no_attribute_is_remarked_and_does_nothing():
    recipe = Recipe(header("REMOVE jitter", "KEEP StudyDescription"))
    assert recipe.remarks == ("Line 4 of the recipe removes what is no attribute of the standard",)
    out = deidentify(report(), Profile("r", BASIC, recipe=recipe), KEY)
    assert out.dataset.StudyDescription == "Liver routine" and set(recipe.remarks) <= set(out.warnings)


@pytest.mark.parametrize(("line", "meant"), [
    ("REMOVE PatinetID", "PatientID"), ("BLANK OperatorName", "OperatorsName"),
    ("KEEP StudyDescripton", "StudyDescription")])
def test_a_misspelt_attribute_is_an_error_that_says_what_may_be_meant(line, meant):
    with pytest.raises(RecipeError, match=f"Line 4.*Perhaps {meant} is meant"):
        Recipe(header(line))


def test_a_variable_that_is_missing_is_named_with_the_remedy():
    with pytest.raises(RecipeError, match="--recipe-variable entity_id=VALUE"):
        Recipe(header("ADD PatientID var:entity_id"))
