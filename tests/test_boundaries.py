"""Where sentences end: not behind an abbreviation, and behind every row of a table."""

from __future__ import annotations

import time

import pytest

from ingest.boundaries import REFERENCES, TITLES
from ingest.split import sentence_spans


def sentences(text: str, language: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, language)]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ro", "Responsabil este Ioana Marinescu, tel. 0722 123 456, birou 12."),
        ("ro", "Conform art. 5 alin. (2) lit. a) din Legea nr. 31/1990 se aplică."),
        ("ro", "Dl. Popescu și dna. Ionescu locuiesc pe str. Mare nr. 5, bl. 3, sc. A, ap. 7."),
        ("ro", "Locuiește pe str. Mare nr. 5, bl. S2, sc. B, et. 4, ap. 18, din 2020."),
        ("ro", "Mun. București și jud. Ilfov sunt arătate la pag. 12, cap. II."),
        ("ro", "Termenul este de\nmax. 30 de zile, vezi nr.\n5 de mai jos."),
        ("en", "Look at vol. 2 and ch. 4, or call tel. 555 1234."),
        ("fr", "Voir M. Dupont et Mme. Durand au chap. 4."),
        ("it", "Vedi pag. 12 e n. 7, dott. Bianchi."),
        ("hu", "Dr. Kovács 2020. március 3-án jött, lásd 3. ábra."),
        ("pl", "Zob. rys. 3 oraz art. 5 ust. 2 pkt 3."),
        ("ru", "См. рис. 3, стр. 12, ст. 5."),
        ("de", "Am 3. Mai kam Dr. Müller mit ca. 5 kg."),
    ],
)
def test_a_sentence_goes_on_behind_an_abbreviation(language: str, text: str) -> None:
    assert sentences(text, language) == [text]


@pytest.mark.parametrize(
    ("language", "text", "first"),
    [
        ("ro", "Prețul este de 5 lei. (2) Se aplică de mâine.", "Prețul este de 5 lei."),
        ("ro", "A mers la Cluj. 5 oameni au venit.", "A mers la Cluj."),
        ("ro", "Aceasta este o lit. Apoi vine alta.", "Aceasta este o lit."),
        ("ro", "Vine la ora zece.\nel pleacă.", "Vine la ora zece."),
        ("ro", "Art. 5.\n\n(2) Se aplică de mâine.", "Art. 5."),
        ("en", "He said no. They left.", "He said no."),
    ],
)
def test_a_sentence_ends_where_another_begins(language: str, text: str, first: str) -> None:
    assert sentences(text, language)[0] == first


def test_every_row_of_a_table_is_a_sentence() -> None:
    text = "Prețuri. | a |\n\n| Pâine. Albă | 5 lei |\n|---|---|\n  | Plăcintă | 12 lei |\nComenzi până joi. La amiază."

    assert sentences(text, "ro") == [
        "Prețuri.", "| a |", "| Pâine. Albă | 5 lei |", "|---|---|", "| Plăcintă | 12 lei |", "Comenzi până joi.",
        "La amiază.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        ["a) să plătească chiria;", "b) să anunțe.", "Proprietarul răspunde.", "Apoi pleacă."],
        ["1. Unu doi.", "2. Doi trei.", "Patru cinci."],
        ["Adresă: Str. Lungă 5, Brașov", "Telefon: 0722 111 222", "Program: 9-17", "Se plătește la primire."],
        ["**Telefon:** 0722 111 222", "**E-mail:** a@b.ro"],
        ["Titlu: O carte", "Autor: cineva al cărui nume\ncontinuă aici."],
        ["1.1.", "Dna. Ana Pop, în calitate de PROPRIETAR, și", "1.2.", "Dl. Ion Pop, CHIRIAȘ, au convenit."],
        ["> De la: Mihai", "> Data: vineri", ">\n> Bună ziua,", ">\n> Am nevoie de 24 de mese."],
        ["Viteza este de\n3.5 Mbps în oraș.", "Altfel e de\n2.4 GHz."],
        ["A spus un rege: nu\ns-a văzut niciodată: așa ceva."],
    ],
)
def test_lines_that_stand_for_themselves_are_sentences(lines: list[str]) -> None:
    assert sentences("\n".join(lines), "ro") == lines


@pytest.mark.parametrize("part", ["A: b\n", "1.1 A\n", "a) b\n", "a) ", "> \n", "- - ", "(a) (b) "])
def test_many_such_lines_take_no_time(part: str) -> None:
    began = time.process_time()
    sentences(part * (20_000 // len(part)), "ro")
    assert time.process_time() - began < 3


def test_the_lists_hold_what_is_looked_up() -> None:
    listed = [*REFERENCES, *(word for words in TITLES.values() for word in words.split())]

    assert all(word == word.casefold() and not word.endswith(".") for word in listed)
