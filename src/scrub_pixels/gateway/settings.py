"""What a gateway is asked to do: frozen values, checked when they are made."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

from scrub_pixels.errors import UsageError
from scrub_pixels.policy import Policy

AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")
"""PS3.5 6.2, VR AE: 1 to 16 characters, no backslash, no control characters, blanks not significant."""

LOOPBACK = "127.0.0.1"
MOST_PORT = 65535


@dataclass(frozen=True)
class TlsFiles:
    """Certificate files of one side of TLS connections; TLS 1.2 is the least that is spoken.

    Parameters
    ----------
    certificate, key
        PEM files that prove who we are; a client may go without.
    authority
        PEM file of the authorities that the other side must be certified by. A server with one
        demands client certificates; a client without one trusts those of the system.
    """

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None


@dataclass(frozen=True)
class Peer:
    """Another DICOM application: AE title, host and port."""

    title: str
    host: str
    port: int

    def __post_init__(self) -> None:
        check_title(self.title)
        check_port(self.port)


@dataclass(frozen=True)
class DimseDoor:
    """Where and from whom instances are taken by C-STORE.

    Parameters
    ----------
    title
        Our AE title.
    host, port
        Where to listen; port 0 takes a free one.
    any_called
        True to answer under whatever title we are called.
    calling
        AE titles that may call; empty for any.
    networks
        Networks (``10.1.0.0/16``) or addresses that may connect; empty for any.
    tls
        Certificates; None speaks plain DICOM.
    associations
        Most associations at a time; more are rejected as transient.
    pdu
        Largest PDU that is taken, bytes.
    timeout
        Seconds without a byte after which an association ends.
    peers
        Applications that storage commitment reports may be sent to.
    """

    title: str
    host: str = LOOPBACK
    port: int = 11112
    any_called: bool = False
    calling: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    tls: TlsFiles | None = None
    associations: int = 20
    pdu: int = 131072
    timeout: float = 60.0
    peers: tuple[Peer, ...] = ()

    def __post_init__(self) -> None:
        for title in (self.title, *self.calling):
            check_title(title)
        check_port(self.port)
        for network in self.networks:
            read_network(network)
        if self.associations < 1 or self.timeout <= 0:
            raise UsageError("A limit of the gateway is not positive.", remedy="Give numbers above 0.")
        if not 4096 <= self.pdu <= 2**24:
            raise UsageError("The largest PDU is out of range.", remedy="Give 4096 to 16777216 bytes.")


@dataclass(frozen=True)
class HttpDoor:
    """Where instances are taken by DICOMweb, and where the gateway tells how it is.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.
    token
        Bearer token that every request but ``/healthz`` must carry; empty for none.
    tls
        Certificates; None speaks plain HTTP.
    body
        Largest request body, bytes.
    """

    host: str = LOOPBACK
    port: int = 8080
    token: str = field(default="", repr=False)
    tls: TlsFiles | None = None
    body: int = 4 * 2**30

    def __post_init__(self) -> None:
        check_port(self.port)
        if not is_loopback(self.host) and not self.token:
            raise UsageError("The HTTP door would be open to the network without a token.",
                             remedy="Give --http-token-file, or listen on 127.0.0.1.")


@dataclass(frozen=True)
class Spooling:
    """How much may wait in the private spool.

    Parameters
    ----------
    instances, size
        Most instances that wait to be scrubbed, and most bytes of all that is in the spool.
    reserve
        Bytes that must stay free on the disk.
    largest
        Largest instance, bytes.
    """

    instances: int = 20_000
    size: int = 50 * 2**30
    reserve: int = 256 * 2**20
    largest: int = 4 * 2**30


@dataclass(frozen=True)
class Retry:
    """When a delivery that failed is tried again: ``first * 2**n`` seconds, at most `most`."""

    first: float = 1.0
    most: float = 300.0

    def delay(self, attempts: int) -> float:
        """Return the seconds to wait after so many attempts (1 or more)."""
        return min(self.most, self.first * 2 ** min(attempts - 1, 30))


@dataclass(frozen=True)
class GatewaySettings:
    """Everything one gateway is asked to do.

    Parameters
    ----------
    workspace
        The private folder.
    out
        The folder of what is released: the end of the way, or the outbox of a destination.
    policy
        Everything that decides an outcome.
    dimse, http
        The doors that are open.
    to
        Destination by C-STORE.
    stow
        Destination by STOW-RS: base URL of the service.
    stow_token
        Bearer token for it.
    destination_tls
        Certificates to use towards the destination; None speaks plain DICOM, and HTTPS with the
        authorities of the system.
    stable
        Seconds a Series must have been quiet before its pixels are searched, all of it together, and
        a study before it is forwarded; 0 waits for neither.
    jobs
        Worker processes; 0 works in this process.
    spooling, retry
        Limits of the spool, and when failed deliveries are tried again.
    poll
        Seconds between looks at the review queue for what was released there.
    passphrase
        What the crosswalk is encrypted with; empty leaves it plain.
    """

    workspace: Path
    out: Path
    policy: Policy
    dimse: DimseDoor | None = None
    http: HttpDoor | None = None
    to: Peer | None = None
    stow: str = ""
    stow_token: str = field(default="", repr=False)
    destination_tls: TlsFiles | None = None
    stable: float = 0.0
    jobs: int = 0
    spooling: Spooling = field(default_factory=Spooling)
    retry: Retry = field(default_factory=Retry)
    poll: float = 2.0
    passphrase: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.dimse is None and self.http is None:
            raise UsageError("The gateway has no door.", remedy="Give --port or --http-port.")
        if self.to and self.stow:
            raise UsageError("--to and --stow exclude each other.", remedy="Run one gateway for each.")

    @property
    def look(self) -> float:
        """Seconds after which to look for what time alone makes ready."""
        return min(self.poll, self.stable / 2) if self.stable else self.poll

    @property
    def forwards(self) -> bool:
        """True if what is released goes on to a destination and OUT is only its outbox."""
        return bool(self.to or self.stow)


def check_title(title: str) -> None:
    """Refuse what cannot be an AE title.

    Raises
    ------
    UsageError
        If it is empty, longer than 16 characters, or holds a backslash or control character.
    """
    if not AE_TITLE.fullmatch(title):
        raise UsageError("This is no AE title.", remedy="Give 1 to 16 plain characters.")


def check_port(port: int) -> None:
    """Refuse what cannot be a port."""
    if not 0 <= port <= MOST_PORT:
        raise UsageError("This is no port.", remedy="Give a number from 0 to 65535.")


def read_peer(text: str) -> Peer:
    """Read ``AET@host:port``.

    Raises
    ------
    UsageError
        If it is not that.
    """
    title, at, address = text.rpartition("@")
    host, colon, port = address.rpartition(":")
    if not (at and colon and host and port.isascii() and port.isdigit()):
        raise UsageError("A DICOM application is not given as AET@host:port.",
                         remedy="For example ORTHANC@127.0.0.1:4242.")
    return Peer(title, host.strip("[]"), int(port))


def read_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read a network or an address.

    Raises
    ------
    UsageError
        If it is neither.
    """
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError("This is neither an address nor a network.",
                         remedy="Give for example 10.1.2.3 or 10.1.0.0/16.") from None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
