"""``python -m scrub_pixels``: the command, where its script is not on the path."""

if __name__ == "__main__":  # worker processes import this module again, and need no command line
    from scrub_pixels.cli import entry

    entry()
