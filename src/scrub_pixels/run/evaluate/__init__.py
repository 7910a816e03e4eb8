"""Evaluate what a run did to a labelled set: by the pixels alone, whatever the tool says of itself.

The truth is JSON Lines (see `truth`), the judgement is by ink (see `judging`), and what comes out
are counts with confidence intervals (see `figures`). It judges other tools' output as well.
"""
