"""The catalogue of messages is whole, and all that people can read is taken from it: found by walking the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

import rag.errors
from ingest.sandbox.child import FormatError, said
from rag.errors import ChatError, DocumentError, Fault, SettingsError, TemeiError, TerminalError
from rag.messages import CATALOGUE, LANGUAGES, Catalogue, FileMessage, Message, message
from rag.refuse import refusal
from ui.texts import CATALOGUE as PAGE

ROOMS = ("rag", "ingest", "eval", "ui")
AT_A_TERMINAL = {"rag/settings.py", "ui/serve.py", "ui/load_test.py"}
"""Modules, beside those of eval/, whose English errors only whoever runs a command meets."""
SAME = {"as_it_stands", "page"}
"""Keys whose text has no words that differ between the languages."""

ERRORS = {name: kind for name, kind in vars(rag.errors).items() if isinstance(kind, type)}
KEYED = {name for name, kind in ERRORS.items() if issubclass(kind, TemeiError) and not issubclass(kind, TerminalError)}
PLAIN = {name for name, kind in ERRORS.items() if issubclass(kind, TerminalError)}
REFUSALS = {"BodyError", "RefusedError", "CallError"}
SECOND = {"DocumentError", "ChatError", "BodyError", "RefusedError"}
"""Errors whose message is the second thing that they are given."""


def name_of(call: ast.expr) -> str:
    """Return the last part of the name of what is called."""
    function = call.func if isinstance(call, ast.Call) else call
    return getattr(function, "id", "") or getattr(function, "attr", "")


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield the path and the syntax tree of every module."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


TREES = dict(sources())
MAKERS = {
    node.name
    for tree in TREES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name) and node.returns.id == "Message"
}
"""Functions that return a message of the catalogue."""


def is_message(given: ast.expr | None, tree: ast.AST) -> bool:
    """Return whether an argument is a message of the catalogue."""
    if isinstance(given, ast.Name):
        values = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == given.id for one in node.targets)
        ]
        return bool(values) and all(isinstance(one, ast.Call) and name_of(one) in MAKERS for one in values)
    if isinstance(given, ast.Attribute):
        return given.attr in ("message", "said")
    return isinstance(given, ast.Call) and name_of(given) in MAKERS


def wrong(tree: ast.AST, path: str) -> Iterator[str]:
    """Yield a line for everything in a module that people would read and that is not taken from the catalogue."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name, first = name_of(node), node.args[0] if node.args else None
        where = f"{path}:{node.lineno}"
        if name in KEYED | REFUSALS and path != "rag/errors.py":
            at = 1 if name in SECOND else 0
            if not is_message(node.args[at] if at < len(node.args) else None, tree):
                yield f"{where}: {name} has no message of the catalogue"
        elif name in PLAIN and path not in AT_A_TERMINAL and not path.startswith("eval/"):
            yield f"{where}: {name} is English, and somebody else than at a terminal may meet it"
        elif name in ("Error", "Warning", "Info") and isinstance(first, ast.Constant | ast.JoinedStr):
            yield f"{where}: the page shows a text that is in no catalogue"
        elif name == "message" or (name in ("FormatError", "said") and path.startswith("ingest/")):
            yield from (f"{where}: {line}" for line in misused(CATALOGUE, first, node.keywords, name))
        elif name == "say" and path.startswith("ui/") and len(node.args) == 2 and node.keywords:
            yield from (f"{where}: {line}" for line in misused(PAGE, node.args[1], node.keywords, name))


def misused(catalogue: Catalogue, key: ast.expr | None, values: list[ast.keyword], name: str) -> Iterator[str]:
    """Yield a line where there is no such key, or its values are not just those that are given."""
    given = {value.arg for value in values}
    if isinstance(key, ast.JoinedStr):
        start = str(getattr(key.values[0], "value", ""))
        keys = [one for one in catalogue.texts if start and one.startswith(start)]
        if not keys or any(not catalogue.values_of(one)["en"] <= given for one in keys):
            yield f"{name} of {start}… does not give what its texts take"
    elif isinstance(key, ast.Constant):
        if key.value not in catalogue.texts:
            yield f"there is no key {key.value}"
        elif catalogue.values_of(key.value)["en"] != given:
            yield f"{key.value} takes {sorted(catalogue.values_of(key.value)['en'])}"
    elif name == "message":
        yield "the key of a message is not written out"


@pytest.mark.parametrize("catalogue", [CATALOGUE, PAGE], ids=["messages", "page"])
def test_every_key_has_both_languages_with_the_same_values(catalogue: Catalogue) -> None:
    assert len(catalogue.texts) > 80
    for key, text in catalogue.texts.items():
        assert set(LANGUAGES) <= set(text), key
        assert all(one.strip() and "\n" not in one for one in text.values()), key
        assert len({frozenset(names) for names in catalogue.values_of(key).values()}) == 1, key
        assert (text["ro"] == text["en"]) == (key in SAME), key


def test_all_that_people_read_is_in_the_catalogue() -> None:
    assert [line for path, tree in TREES.items() for line in wrong(tree, path)] == []


def test_no_text_is_left_that_nobody_says() -> None:
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    named = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    begun = tuple(one for one in named if re.fullmatch(r"[a-z_]+_", one))
    assert [
        key
        for key in [*CATALOGUE.texts, *PAGE.texts]
        if key not in named and not any(key.startswith(one) for one in begun)
    ] == []


@pytest.mark.parametrize(
    "line",
    [
        'raise QuestionError("The question is odd.")',
        'raise QuestionError(f"The question is {odd}.")',
        "raise QuestionError(words)",
        'raise QuestionError(message("question_odd"))',
        'raise QuestionError(message("question_too_long", count=1))',
        'raise QuestionError(message("question_empty", count=1))',
        "raise QuestionError(message(key))",
        'words = "odd"\nraise MissingIndexError(words)',
        'raise DocumentError("a.txt", "is odd")',
        'raise DocumentError(message("file_empty"))',
        'raise ChatError(Fault.SLOW, "slow")',
        'raise ChatError(Fault.SLOW, message(f"chat_failed_{fault}", model=name))',
        'raise BodyError(400, "The request is odd.")',
        'raise RefusedError(400, f"The request is {odd}.")',
        'raise SettingsError("This is English.")',
        'raise FormatError("is odd; leave it out.")',
        'raise gr.Error("That did not work.")',
        'gr.Warning(f"Too {fast}.")',
        'message("no_such_key")',
    ],
)
def test_what_is_not_taken_from_the_catalogue_is_found(line: str) -> None:
    assert list(wrong(ast.parse(line), "ingest/new.py"))


def test_every_fault_of_a_language_model_has_its_messages() -> None:
    for fault in Fault:
        assert {f"chat_failed_{fault}", f"not_written_{fault}"} <= set(CATALOGUE.texts)


def test_a_message_within_a_message_is_said_in_its_language() -> None:
    damaged = message("index_damaged", where="home", reason=message("index_lacks_documents", found=1, held=2))
    assert "(it has 1 documents of 2)" in str(damaged)
    assert "(are 1 documente din 2)" in damaged.in_language("ro")
    assert damaged.in_language("fr") == str(damaged)


def test_numbers_are_written_as_the_language_does() -> None:
    size = message("archive_too_big", size=1234.0, most=256.0)
    assert "1,234 MB, more than the 256" in str(size)
    assert "1.234 MB, mai mult decât cei 256" in size.in_language("ro")
    assert "0,5 MB" in message("upload_does_not_fit", most=0.5).in_language("ro")
    assert "v1.5, v1.5" in str(message("chat_of_no_provider", model="x", providers="v1.5, v1.5"))


def test_what_is_put_into_a_message_is_no_template() -> None:
    error = DocumentError("{reason}.txt", message("file_unreadable", reason="{file} {0} %s"))
    assert str(error) == "{reason}.txt cannot be read ({file} {0} %s); check that you may read it."


def test_an_error_is_told_of_a_file_by_another_name() -> None:
    error = DocumentError("/home/x/n-2.txt", message("file_not_utf8", byte=1, name="n-2.txt")).of("Notă.txt")
    assert error.in_language("ro").startswith("Notă.txt nu este text UTF-8 (octetul 1)")
    assert error.in_language("ro").endswith(" Notă.txt")
    assert "n-2" not in str(error)
    assert str(FileMessage("a\nb.txt", message("file_empty"))).startswith("a b.txt is empty;")


def test_an_error_of_a_terminal_is_plain_english() -> None:
    error = SettingsError("TEMEI_X={y} is no setting.")
    assert str(error) == error.in_language("ro") == "TEMEI_X={y} is no setting."
    assert str(ChatError(Fault.EMPTY, message("chat_failed_empty", model="m"))).startswith("m replied with nothing;")


def test_a_refusal_is_in_ten_languages() -> None:
    assert len(CATALOGUE.texts["refusal"]) == 10
    assert refusal("Ki nyerte meg az Eurovíziós Dalfesztivált?", ["hu"]).startswith("A megadott forrásokban")
    assert refusal("Cine a câștigat concursul anul trecut?", ["ro"]).startswith("Nu găsesc")


def test_a_message_crosses_to_another_process_with_its_key_and_values() -> None:
    told = FormatError("archive_of_other_kind", expected=said("kind_word"), found=said("kind_excel"))
    crossed = Message.from_json(told.problem)
    assert str(crossed).startswith("is not a Word document but an Excel workbook;")
    assert crossed.in_language("ro").startswith("nu este un document Word, ci un registru Excel;")


@pytest.mark.parametrize(
    "told",
    [
        "is damaged",
        None,
        [],
        {"key": "no_such_key", "values": {}},
        {"key": "format_failed", "values": {}},
        {"key": "format_failed", "values": []},
        {"key": ["format_failed"], "values": {"reason": "x"}},
        {"key": "format_too_long", "values": {"most": "x"}},
        {"key": "format_too_slow", "values": {"most": 10**400}},
        {"key": "format_failed", "values": {"reason": {"key": "no_such_key", "values": {}}}},
    ],
)
def test_what_a_hostile_process_tells_is_no_message(told: object) -> None:
    with pytest.raises(ValueError, match="no message"):
        Message.from_json(told)


def test_a_key_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text('[twice]\nen = "a"\nro = "b"\n', "utf-8")
    with pytest.raises(ValueError, match="twice"):
        _ = Catalogue(sorted(tmp_path.iterdir())).texts
