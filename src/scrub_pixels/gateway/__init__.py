"""Front doors for other machines: DIMSE and DICOMweb in, the same pipeline, and on to a destination."""

from scrub_pixels.gateway.service import Gateway
from scrub_pixels.gateway.settings import (
    DimseDoor,
    GatewaySettings,
    HttpDoor,
    Peer,
    Retry,
    Spooling,
    TlsFiles,
)

__all__ = [
    "DimseDoor",
    "Gateway",
    "GatewaySettings",
    "HttpDoor",
    "Peer",
    "Retry",
    "Spooling",
    "TlsFiles",
]
