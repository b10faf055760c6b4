"""How many examples each law is tried with, and the seed that they are drawn from."""

from __future__ import annotations

import os
import secrets

EXAMPLES = int(os.environ.get("DATAFLOWS_EXAMPLES", "40"))
SEED = int(os.environ.get("DATAFLOWS_SEED", secrets.randbits(32)))
