"""Nothing is noted to be sent to anybody, by none of the libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

OPEN = """
from pathlib import Path
from rag.models.onnx_graph import open_session
open_session(Path("rag/models/reader.onnx"), 1)
"""


def test_onnxruntime_notes_nothing_in_the_home_of_the_user(tmp_path: Path) -> None:
    mine = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    env = mine | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    subprocess.run([sys.executable, "-c", OPEN], env=env, cwd=ROOT, check=True, timeout=60)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
