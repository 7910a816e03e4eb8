"""``python -m scrub_pixels.cli`` is the command ``scrub-pixels``."""

from scrub_pixels.cli import entry

if __name__ == "__main__":
    entry()
