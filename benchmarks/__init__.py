"""Figures of quality and speed; ratios measured in one run, never absolute bounds."""
