"""TLS contexts of both sides: 1.2 at least, and no fall-back to an unverified peer."""

from __future__ import annotations

import ssl

from scrub_pixels.errors import UsageError
from scrub_pixels.gateway.settings import TlsFiles


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a server; one with an authority demands client certificates.

    Raises
    ------
    UsageError
        If a file is missing or is not what it should be.
    """
    if files.certificate is None:
        raise UsageError("TLS needs a certificate.", remedy="Give --tls-cert and --tls-key.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _fill(context, files)
    if files.authority:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a client, which verifies the server and its name.

    Raises
    ------
    UsageError
        If a file is missing or is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    _fill(context, files)
    return context


def _fill(context: ssl.SSLContext, files: TlsFiles) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if files.certificate:
            context.load_cert_chain(files.certificate, files.key)
        if files.authority:
            context.load_verify_locations(files.authority)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"A TLS certificate or key cannot be used ({type(error).__name__}).",
                         remedy="Check that the files are PEM and belong together.") from None
