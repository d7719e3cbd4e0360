"""Keep uploaded files between the browser's upload and their ingestion.

The folder belongs to the server. Only its owner may enter it, and it is removed when the server ends. `ui.api.gate`
limits its size and removes files that nobody takes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rag.files.private import make_private
from ui.api.uploaded_files import is_uploaded
from ui.page.document_list import Given

PREFIX = "temei-uploads-"


_made: list[Path] = []


def cache() -> Path:
    """Return the upload folder of this process, and make it and tell Gradio to use it where there is none.

    It lies in the folder that ``GRADIO_TEMP_DIR`` names, else in the system's for temporary files. The caches of
    processes that died are removed from there.
    """
    named = os.environ.get("GRADIO_TEMP_DIR", "")
    if named and Path(named) in _made:
        make_private(Path(named))
        return Path(named)
    parent = named or tempfile.gettempdir()
    os.makedirs(parent, exist_ok=True)
    _remove_orphans(Path(parent))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent)).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _made.append(folder)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    return folder


def _remove_orphans(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if number.isdigit() and folder.lstat().st_uid == os.getuid() and not _is_alive(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def claimed(payload: Any) -> list[Given]:
    """Return the files of an upload event with the names they had; what does not lie in the cache is left out.

    Args:
        payload: Gradio's ListFiles, its FileData or None.
    """
    files = getattr(payload, "root", payload) or []
    files = files if isinstance(files, list) else [files]
    given = [Given(Path(file.path), str(file.orig_name or Path(file.path).name)) for file in files]
    # Gradio and the gate have checked that they were uploaded; this is a third check, where they are read.
    return [file for file in given if is_uploaded(str(file.path), cache())]
