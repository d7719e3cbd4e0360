"""Settings: flags over environment over .env over defaults, and no misspelling goes unnoticed."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from rag import Settings
from rag.errors import SettingsError


def dotenv(text: str | bytes) -> None:
    Path(".env").write_bytes(text if isinstance(text, bytes) else text.encode())


def refused(**values: object) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings(**values)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_the_defaults_keep_state_in_the_working_folder_and_the_page_on_this_machine() -> None:
    settings = Settings()

    assert settings.home == Path(".temei")
    assert settings.embedding_model == "multilingual-e5-small"
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)


def test_flags_win_over_environment_over_dotenv_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    default = Settings().top_k
    dotenv("TEMEI_TOP_K=11\nTEMEI_PORT=9001\nTEMEI_HOME=din-env\nOTHER=1\n")
    monkeypatch.setenv("TEMEI_TOP_K", "12")
    monkeypatch.setenv("TEMEI_PORT", "9002")

    assert Settings(top_k=13).top_k == 13
    assert Settings().top_k == 12
    assert Settings().home == Path("din-env")
    monkeypatch.delenv("TEMEI_TOP_K")
    assert Settings().top_k == 11
    Path(".env").unlink()
    assert Settings().top_k == default
    assert Settings().port == 9002


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("TEMEI_TOPK", "TEMEI_TOP_K"), ("TEMEI_PROT", "TEMEI_PORT"), ("TEMEI_EMBEDING_MODEL", "TEMEI_EMBEDDING_MODEL")],
)
def test_a_misspelt_variable_is_refused_with_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, name: str, suggestion: str
) -> None:
    monkeypatch.setenv(name, "5")

    message = refused()

    assert name in message
    assert f"did you mean {suggestion}?" in message


def test_a_misspelt_name_in_dotenv_is_refused_with_a_suggestion() -> None:
    dotenv("# a comment\nTEMEI_HOM=x\n")

    message = refused()

    assert "TEMEI_HOM" in message
    assert ".env" in message
    assert "did you mean TEMEI_HOME?" in message


def test_a_name_like_no_other_gets_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMEI_XYZZYQ", "5")

    message = refused()

    assert "TEMEI_XYZZYQ" in message
    assert "TEMEI_TOP_K" in message


def test_a_misspelt_argument_is_refused_with_a_suggestion() -> None:
    message = refused(topk=5)

    assert "did you mean top_k?" in message


def test_variables_of_others_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMEIX", "5")
    monkeypatch.setenv("HOME_TEMEI_X", "5")
    dotenv("OPENAI_API_KEY=x\n")

    assert Settings() == Settings()


def test_lower_case_names_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("temei_top_k", "9")

    assert Settings().top_k == 9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TEMEI_TOP_K", "many"),
        ("TEMEI_TOP_K", "0"),
        ("TEMEI_TOP_K", ""),
        ("TEMEI_PORT", "70000"),
        ("TEMEI_PORT", "-1"),
        ("TEMEI_MIN_CONFIDENCE", "1.5"),
        ("TEMEI_MIN_CONFIDENCE", "nan"),
        ("TEMEI_PASSAGE_TOKENS", "3"),
        ("TEMEI_MAX_SENTENCES", "4"),
        ("TEMEI_MAX_FILE_MB", "0"),
        ("TEMEI_MAX_FILE_MB", "inf"),
        ("TEMEI_HOME", ""),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    assert name in refused()


def test_a_value_with_line_ends_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMEI_TOP_K", "1\n2")

    assert "TEMEI_TOP_K" in refused()


def test_an_argument_that_does_not_fit_is_refused() -> None:
    assert "TOP_K" in refused(top_k="many").upper()


def test_a_dotenv_that_is_not_utf8_is_refused_in_one_line() -> None:
    dotenv("TEMEI_HOME=Țară\n".replace("Ț", "Ţ").encode("windows-1250"))

    assert ".env" in refused()


def test_a_dotenv_with_diacritics_quotes_and_a_byte_order_mark() -> None:
    dotenv("\ufeffTEMEI_HOME='Țară bună'\nexport TEMEI_TOP_K=7 # seven\n")

    assert Settings().home == Path("Țară bună")
    assert Settings().top_k == 7


def test_the_home_of_the_user_is_written_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv("TEMEI_HOME=~/temei\n")

    assert Settings().home == Path.home() / "temei"


def test_settings_are_frozen() -> None:
    settings = Settings()

    with pytest.raises(pydantic.ValidationError):
        settings.top_k = 3
    assert settings.top_k == Settings().top_k


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("origins", value)
            for value in ("temei.example", "https://a.example/path", "*", "https://*.example", "ftp://a")
        ),
        *(("proxies", value) for value in ("localhost", "10.0.0.1, 10.0.0.2", "10.0.0.1/99")),
        *(("root_path", value) for value in ("temei", "/a b", "https://a.example/temei", "//evil.example")),
    ],
)
def test_where_the_page_stands_is_checked(name: str, value: str) -> None:
    assert f"TEMEI_{name.upper()}=" in refused(**{name: value})


def test_where_the_page_stands() -> None:
    settings = Settings(origins="https://a.example http://b.example:81", proxies="::1 10.0.0.0/8", root_path="/temei/")
    assert settings.root_path == "/temei"
    assert Settings().proxies == Settings().origins == ""


@pytest.mark.parametrize("name", ["TEMEI_HOME", "TEMEI_AUTH", "TEMEI_CHAT_API_KEY", "TEMEI_CHAT_MODEL"])
def test_bytes_that_are_not_utf8_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "a:\udcff")
    with pytest.raises(SettingsError, match=name) as error:
        Settings()
    assert "\n" not in str(error.value)
    str(error.value).encode()
