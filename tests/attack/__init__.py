"""Attacks on Temei that take too long for every run of the tests; each module has ``run(count, seed)``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the fakes of the tests
