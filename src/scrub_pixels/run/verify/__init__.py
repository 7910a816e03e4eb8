"""Verify an output folder again, independently of the run that wrote it."""

from scrub_pixels.run.verify.remarks import CHECKS, Checked, Mark, Remark, Verification
from scrub_pixels.run.verify.show import verify_aloud
from scrub_pixels.run.verify.whole import Request, verify

__all__ = ["CHECKS", "Checked", "Mark", "Remark", "Request", "Verification", "verify", "verify_aloud"]
