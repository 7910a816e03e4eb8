"""Small inputs of every kind for campaigns over many files: quick to make, quick to scrub."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

PLANTED = (b"quixotewski", b"zq77310")
"""What must never stand in OUT, in lower case."""

SIDE = 32


def small_instance(number: int, **changes: object) -> pydicom.Dataset:
    """Return a Secondary Capture of 32x32 samples with the header of a usual one; 20 to a Series.

    Parameters
    ----------
    number
        Makes UIDs and samples; the same number gives the same Instance.
    changes
        Other attributes by keyword.
    """
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.276.0.1.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.276.0.2", f"1.2.276.0.2.{number // 20}"
    for keyword, value in _HEADER.items():
        setattr(dataset, keyword, value)
    dataset.InstanceNumber = number
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = bytes([number % 256]) * SIDE**2
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


_HEADER = {
    "PatientName": "Quixotewski^Zebulon", "PatientID": "ZQ77310", "PatientBirthDate": "19610203",
    "PatientSex": "M", "StudyDate": "20240511", "StudyTime": "101500", "SeriesDate": "20240511",
    "ContentDate": "20240511", "AccessionNumber": "ZQ773105", "Modality": "OT", "ConversionType": "WSD",
    "Manufacturer": "Example", "ManufacturerModelName": "Scan 3", "StudyID": "ZQ773106",
    "InstitutionName": "Quixotewski Clinic", "ReferringPhysicianName": "Quixotewski^Ada",
    "StudyDescription": "Thorax", "SeriesDescription": "ap", "SeriesNumber": 1, "BodyPartExamined": "CHEST",
    "DeviceSerialNumber": "ZQ773107", "OperatorsName": "Quixotewski^Bo",
}


def make_inputs(folder: Path, count: int) -> None:
    """Write so many inputs: Instances, and in every 50 a copy, a twin by UID, a torn file and a note."""
    folder.mkdir(parents=True)
    for number in range(count):
        path, kind = folder / f"{number // 100:02}" / f"{number:05}", number % 50
        path.parent.mkdir(exist_ok=True)
        if kind == 49:
            path.write_bytes(b"a note about Quixotewski")
            continue
        changes = {"PixelData": b"\xff" * SIDE**2} if kind == 47 else {}
        small_instance(number - 1 if kind in (47, 46) else number, **changes).save_as(
            path, enforce_file_format=True)
        if kind == 48:
            path.write_bytes(path.read_bytes()[:-700])
