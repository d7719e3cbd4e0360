"""The wheel: one package, which answers, measures and serves wherever it is installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from installed import build_wheel, install
from serving import free_socket

import rag
import temei
from rag.files import home

Run = Callable[..., subprocess.CompletedProcess[str]]
QUESTION = "Când a trimis președintele scrisoarea de felicitare?"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    (folder / "work").mkdir()
    return folder


@pytest.fixture(scope="module")
def run(programs: Path, user: Path) -> Run:
    def call(*command: object, **more: str) -> subprocess.CompletedProcess[str]:
        program, *rest = map(str, command)
        return subprocess.run(
            [programs / program, *rest], env=environment(user) | more, cwd=user / "work", capture_output=True, text=True
        )

    return call


def environment(user: Path) -> dict[str, str]:
    return {"HOME": str(user), "PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1"}


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"temei"}
    assert {"temei/seeds/conferinta-mondiala-a-internetului.txt", "temei/py.typed"} <= set(names)
    tracked = {
        path.relative_to(ROOT).as_posix()
        for room in ("rag", "ingest", "eval", "ui")
        for path in (ROOT / room).rglob("*")
        if path.suffix in (".py", ".onnx", ".npz", ".toml", ".json", ".js", ".css", ".html", ".jsonl")
    }
    assert {f"temei/{name}" for name in tracked} <= set(names)


def test_no_module_of_the_wheel_imports_from_a_checkout(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        sources = {name: files.read(name).decode() for name in files.namelist() if name.endswith(".py")}
    left = re.compile(r"^\s*(?:from|import) (?:rag|ingest|eval|ui)\b", re.MULTILINE)

    assert [name for name, text in sources.items() if left.search(text)] == []
    # No line has moved, so that a traceback names the line of the repository.
    for name in ("rag/chain.py", "ui/cli.py", "ingest/load.py"):
        assert len(sources[f"temei/{name}"].splitlines()) == len((ROOT / name).read_text("utf-8").splitlines())


def test_importing_it_is_quick_and_names_nothing_else(run: Run) -> None:
    script = (
        "import time; began = time.perf_counter(); import temei; took = time.perf_counter() - began; import sys;"
        "ours = {name.split('.')[0] for name in sys.modules} & {'rag', 'ingest', 'eval', 'ui', 'chromadb'};"
        "print(took < 0.4, ours, temei.Answer.__module__, 'Temei' in dir(temei))"
    )

    done = run("python", "-c", script)

    assert (done.stdout, done.stderr) == ("True set() temei.rag.types True\n", "")


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Answers'"):
        temei.Answers  # noqa: B018
    with pytest.raises(ImportError):
        exec("from temei import Answers")
    assert temei.Answer is rag.Answer
    assert temei.errors is rag.errors
    assert temei.__all__ == rag.__all__


@pytest.mark.slow
@pytest.mark.model
def test_it_ingests_and_answers_in_the_data_folder_of_the_user(run: Run, user: Path) -> None:
    page = user / "work" / "pod.html"
    page.write_text("<html><body><h1>Podul</h1><p>Podul a fost terminat în 1987.</p></body></html>", "utf-8")

    assert run("temei", "--version").stdout.startswith("temei ")
    before = run("temei", "ask", QUESTION)
    assert before.returncode == 2
    assert "run: temei ingest" in before.stderr
    assert "added seeds/conferinta" in run("temei", "ingest").stdout
    assert "added pod.html" in run("temei", "ingest", page).stdout
    answer = json.loads(run("temei", "ask", "--json", "Când a fost terminat podul?").stdout)

    assert "1987" in answer["text"]
    assert (user / ".local/share/temei/chroma").is_dir()
    assert not (user / "work" / ".temei").exists()


@pytest.mark.slow
@pytest.mark.model
def test_it_measures_itself_and_says_what_an_extra_brings(run: Run) -> None:
    done = run("temei", "eval", "--limit", "2", "--no-baselines")
    refused = run("temei", "eval", "--html", "report.html")

    assert (done.returncode, done.stderr) == (0, "")
    assert "recall_at_1" in done.stdout
    assert refused.returncode == 2
    assert "pip install 'temei[eval]'" in refused.stderr
    assert "pip install 'temei[eval]'" in run("temei", "bench").stderr
    assert "pip install 'temei[eval]'" in run("temei", "load").stderr


@pytest.mark.slow
@pytest.mark.model
def test_it_serves_the_page(run: Run, programs: Path, user: Path) -> None:
    with free_socket() as listener:
        port = listener.getsockname()[1]
    run("temei", "ingest")
    given = environment(user) | {"TEMEI_PORT": str(port)}
    with subprocess.Popen(
        [programs / "temei", "chat"], env=given, cwd=user / "work", stdout=subprocess.DEVNULL
    ) as page:
        try:
            shown, style = _get(port, "/"), _get(port, "/v1/models")
        finally:
            page.terminate()

    assert "Temei" in shown.text
    assert style.json()["data"][0]["id"] == "temei"


def _get(port: int, path: str) -> httpx.Response:
    """Get a path from the page, which may take a minute to start on a busy machine."""
    for _ in range(240):
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60)
        except httpx.ConnectError:
            time.sleep(0.5)
    raise AssertionError("the page did not start")


@pytest.mark.parametrize(
    ("platform", "given", "expected"),
    [
        ("linux", "", "/home/me/.local/share/temei"),
        ("linux", "/data", "/data/temei"),
        ("linux", "relative", "/home/me/.local/share/temei"),
        ("darwin", "", "/home/me/Library/Application Support/temei"),
    ],
)
def test_state_is_kept_in_the_users_data_folder_where_there_is_no_checkout(
    platform: str, given: str, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_DATA_HOME", given)
    monkeypatch.setattr(home.sys, "platform", platform)
    assert home.default_home() == Path(".temei")

    monkeypatch.setattr(home, "_CODE", tmp_path)
    assert home.default_home().as_posix() == expected

    Path(".temei").mkdir()
    assert home.default_home() == Path(".temei")
