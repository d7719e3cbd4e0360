"""Make an environment in which Temei is installed from its wheel, with what it asks for and nothing else.

Nothing is downloaded: the packages that the wheel asks for are linked to those of the environment that runs the tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
CODE = ("rag", "ingest", "eval", "ui", "temei", "seeds")


def build_wheel(folder: Path) -> Path:
    """Build the wheel of the working tree in a folder, from a copy, and return its path."""
    copy = folder / "source"
    for path in _files_of_the_repository():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes((ROOT / path).read_bytes())
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(copy)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, cwd=folder, env=_no_paths())
    (wheel,) = folder.glob("temei-*.whl")
    return wheel


def _files_of_the_repository() -> Iterator[Path]:
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        yield Path(name)
    for room in CODE:
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT)


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel into a new environment in a folder, and return the folder of its programs."""
    venv.create(folder, with_pip=False, symlinks=True)
    place = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=place))
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    subprocess.run([*command, "-q", "--no-deps", "--no-index", str(wheel)], check=True, env=_no_paths())
    (about,) = packages.glob("temei-*.dist-info")
    seen: set[str] = set()
    for requirement in re.findall(r"^Requires-Dist: (.+)$", (about / "METADATA").read_text("utf-8"), re.MULTILINE):
        _link(Requirement(requirement), "", packages, seen)
    return folder / "bin"


def _link(requirement: Requirement, extra: str, packages: Path, seen: set[str]) -> None:
    """Link a package, and all that it needs, to where the tests have it."""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
        return
    name = f"{requirement.name}[{','.join(sorted(requirement.extras))}]".lower()
    if name in seen:
        return
    seen.add(name)
    found = distribution(requirement.name)
    tops = {
        Path(str(file)).parts[0] for file in found.files or () if Path(str(file)).parts[0] not in ("..", "__pycache__")
    }
    for top in tops:
        here, there = packages / top, Path(str(found.locate_file(top)))
        if not here.exists() and there.exists():
            here.symlink_to(there)
    for further in found.requires or ():
        for wanted in ("", *requirement.extras):
            _link(Requirement(further), wanted, packages, seen)


def _no_paths() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
