"""Take the patient's name off the picture, and out of the header, and prove it."""

__version__ = "0.1.0"
