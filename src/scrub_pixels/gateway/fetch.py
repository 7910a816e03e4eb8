"""Fetch studies from a DICOMweb service: QIDO-RS finds them (PS3.18 10.6), WADO-RS brings them (10.4)."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from scrub_pixels.errors import ScrubError, UsageError
from scrub_pixels.gateway.multipart import BadMultipart, Reader, boundary_of
from scrub_pixels.gateway.reception import UID_FORM
from scrub_pixels.store.accounts import Outcome
from scrub_pixels.store.atomic import failures_explained, sync_folder
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.workspace import make_private_folder

SCHEMES = {"dicomweb+https": "https", "dicomweb+http": "http"}
STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"

PARTIAL = ".part"
PAGE = 200
TRIES = 5
AT_ONCE = 4
ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'
TOKEN_VARIABLE = "SCRUB_PIXELS_DICOMWEB_TOKEN"
WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class FetchFailed(ScrubError):
    """The service does not answer as DICOMweb says, or not at all; what was fetched stays for --resume."""


@dataclass(frozen=True)
class Service:
    """A DICOMweb service and the studies wanted from it.

    Parameters
    ----------
    url
        Base URL.
    query
        QIDO-RS parameters for studies.
    token
        Bearer token, or empty.
    """

    url: str
    query: Mapping[str, str] = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Fetched:
    """How many instances lie in the spool, and how many of them had been there before."""

    instances: int
    resumed: int


def is_dicomweb(text: str) -> bool:
    """Tell whether an input is a DICOMweb service (`dicomweb+https://...`)."""
    return text.partition("://")[0].lower() in SCHEMES


def read_service(url: str) -> Service:
    """Read ``dicomweb+https://host/path?StudyInstanceUID=...``.

    Raises
    ------
    UsageError
        If it is not that, or asks for everything there is.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() not in SCHEMES or not parts.hostname:
        raise UsageError("This is no DICOMweb service.", remedy="Write dicomweb+https://host/dicom-web?...")
    query = dict(parse_qsl(parts.query))
    if not query:
        raise UsageError("The studies are not named.", remedy="Add ?StudyInstanceUID=..., ?PatientID=... or "
                         "another QIDO-RS parameter; ?StudyDate=19000101- for all.")
    base = urlunsplit((SCHEMES[parts.scheme.lower()], parts.netloc, parts.path.rstrip("/"), "", ""))
    return Service(base, query, os.environ.get(TOKEN_VARIABLE, ""))


def fetch_studies(url: str, spool: Path, watch: Callable[[int], None] = lambda count: None) -> Fetched:
    """Fetch every instance of the studies that a URL names into a private folder.

    What lies there whole from an earlier try is not fetched again.

    Parameters
    ----------
    url
        See `read_service`.
    spool
        The folder; made with mode 0700 if new.
    watch
        Told how many instances have come.

    Raises
    ------
    UsageError
        If the URL is no service.
    FetchFailed
        If the service fails, after several tries.
    StoreFailed
        If the disk does not take what came.
    WorkspaceError
        If the folder is a link, belongs to someone else, or stays open to others.
    """
    with failures_explained("The spool"):
        spool.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private_folder(spool)
    fetcher = _Fetcher(read_service(url), spool)
    with fetcher.client, ThreadPoolExecutor(AT_ONCE) as pool:
        resumed = count = 0
        for page in _pages(fetcher.instances()):
            for was_there in pool.map(fetcher.fetch, page):
                count, resumed = count + 1, resumed + was_there
                watch(count)
    with failures_explained("The spool"):
        sync_folder(spool)
    return Fetched(count, resumed)


def spool_beside(workspace: Path, url: str) -> Path:
    """Return the private folder for what is fetched: beside the workspace, the same for the same URL.

    Raises
    ------
    WorkspaceError
        If the folder it lies in is a link, belongs to someone else, or stays open to others.
    """
    real = Path(os.path.realpath(workspace))
    fetched = real.with_name(f"{real.name}.fetched")
    with failures_explained("The spool"):
        fetched.parent.mkdir(parents=True, exist_ok=True)
        make_private_folder(fetched)
    return fetched / hashlib.sha256(url.encode()).hexdigest()[:16]


def let_go(spool: Path, workspace: Path, out: Path | str) -> int:
    """Remove what was fetched, but for originals that a person still has to look at.

    Parameters
    ----------
    spool
        The folder that was the input of a run.
    workspace, out
        Of that run.

    Returns
    -------
    int
        How many originals stay: those that are held, refused, or not done with.
    """
    done = _done_with(workspace, out) if (workspace / "ledger.sqlite").is_file() else frozenset()
    stay = 0
    for file in list(spool.iterdir()):
        if str(file) in done or file.suffix == PARTIAL:
            file.unlink()
        else:
            stay += 1
    if not stay:
        spool.rmdir()
        with suppress(OSError):  # of another URL there may be one that stays
            spool.parent.rmdir()
    return stay


def _done_with(workspace: Path, out: Path | str) -> frozenset[str]:
    with open_ledger(workspace / "ledger.sqlite", out) as ledger:
        return frozenset(row.path for row in ledger.rows([Outcome.RELEASED, Outcome.NOT_DICOM]))


Reference = tuple[str, str, str]


def _pages(references: Iterator[Reference]) -> Iterator[list[Reference]]:
    page: list[Reference] = []
    for reference in references:
        page.append(reference)
        if len(page) == PAGE:
            yield page
            page = []
    yield page


class _Fetcher:
    """One session with a service."""

    def __init__(self, service: Service, spool: Path) -> None:
        self._service, self._spool = service, spool
        headers = {"Authorization": f"Bearer {service.token}"} if service.token else {}
        self.client = httpx.Client(headers=headers, timeout=60.0, follow_redirects=False)

    def instances(self) -> Iterator[Reference]:
        """Yield study, series and instance UID of everything wanted."""
        for found in self._search("/studies", self._service.query):
            study = _uid(found, STUDY)
            for item in self._search(f"/studies/{study}/instances", {}):
                yield study, _uid(item, SERIES), _uid(item, INSTANCE)

    def fetch(self, reference: Reference) -> bool:
        """Fetch one instance; True if it was there already."""
        study, series, instance = reference
        target = self._spool / (hashlib.sha256(instance.encode()).hexdigest()[:32] + ".dcm")
        if target.exists():
            return True
        coming = target.with_suffix(PARTIAL)
        path = f"/studies/{study}/series/{series}/instances/{instance}"
        self._patiently(partial(self._download, path, coming))
        if _instance_of(coming) != instance:
            raise FetchFailed("The service sent another instance than was asked for.")
        with failures_explained("The spool"):
            os.replace(coming, target)
        return False

    def _search(self, path: str, query: Mapping[str, str]) -> Iterator[Any]:
        """Yield the results of a search, page by page, until a page is empty or brings nothing new."""
        seen: set[str] = set()
        offset = 0
        while True:
            asked = {**query, "limit": str(PAGE), "offset": str(offset)}
            page = self._patiently(partial(self._page, path, asked))
            new = [item for item in page if _key(item) not in seen]
            if not new:
                return
            seen.update(map(_key, new))
            yield from new
            offset += len(page)

    def _page(self, path: str, query: Mapping[str, str]) -> list[Any]:
        response = self.client.get(self._service.url + path, params=query,
                                   headers={"Accept": "application/dicom+json"})
        if response.status_code == 204:
            return []
        response.raise_for_status()
        try:
            page = response.json()
        except ValueError:
            page = None
        if not isinstance(page, list):
            raise FetchFailed("The service does not answer a search in the DICOM JSON Model.")
        return page

    def _download(self, path: str, coming: Path) -> None:
        with self.client.stream("GET", self._service.url + path, headers={"Accept": ANY_SYNTAX}) as response:
            response.raise_for_status()
            with failures_explained("The spool"):
                descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with failures_explained("The spool"), os.fdopen(descriptor, "wb") as file:
                _unpack(response, file)
                file.flush()
                os.fsync(file.fileno())

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Ask again when the network or the service is in trouble, with growing pauses."""
        for attempt in range(TRIES):
            try:
                return ask()
            except (httpx.TransportError, httpx.HTTPStatusError, BadMultipart) as error:
                if attempt + 1 == TRIES or not _may_pass(error):
                    raise _explained(error) from None
                time.sleep(min(8.0, 0.25 * 2**attempt))


class _OnlyPart:
    """Takes the first part of a response into a file; there should be no other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._parts = file, 0

    def part_begins(self, headers: Mapping[str, str]) -> None:
        self._parts += 1

    def part_data(self, data: bytes) -> None:
        if self._parts == 1:
            self._file.write(data)

    def part_ends(self) -> None:
        return None


def _unpack(response: httpx.Response, file: BinaryIO) -> None:
    """Write the instance of a response, which some services send without a multipart body."""
    kind = response.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() == "application/dicom":
        for piece in response.iter_bytes():
            file.write(piece)
        return
    reader = Reader(boundary_of(kind), _OnlyPart(file))
    for piece in response.iter_bytes():
        reader.write(piece)
    reader.finish()


def _may_pass(error: Exception) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in WORTH_ANOTHER_TRY
    return True


def _explained(error: Exception) -> FetchFailed:
    """Return an error without the URL, which names a study."""
    if isinstance(error, httpx.HTTPStatusError):
        return FetchFailed(f"The DICOMweb service answers {error.response.status_code}.",
                           remedy=f"Check the URL; a token is taken from {TOKEN_VARIABLE}.")
    return FetchFailed(f"The DICOMweb service cannot be reached ({type(error).__name__}).",
                       remedy="Check the network, and start again with --resume.")


def _uid(item: Any, tag: str) -> str:
    try:
        uid = str(item[tag]["Value"][0])
    except (KeyError, IndexError, TypeError):
        uid = ""
    if not UID_FORM.fullmatch(uid):
        raise FetchFailed("The service answered a search without a UID.")
    return uid


def _key(item: Any) -> str:
    for tag in (INSTANCE, STUDY):
        if isinstance(item, dict) and tag in item:
            return _uid(item, tag)
    return ""


def _instance_of(path: Path) -> str:
    try:
        return str(read_file_meta_info(path).get("MediaStorageSOPInstanceUID") or "")
    except (InvalidDicomError, OSError, ValueError, KeyError, EOFError):
        return ""
