"""What all tests share: how Hypothesis searches."""

from __future__ import annotations

from hypothesis import settings

# No limit of time for an example: how fast this machine is today says nothing about the code. All else stays as
# Hypothesis has it: under CI=true its choices are the same at every run, elsewhere they are new each time.
settings.register_profile("dataflows", settings(), deadline=None, print_blob=True)
settings.load_profile("dataflows")
