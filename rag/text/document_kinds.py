"""Words for kinds of documents, as "agreement" and "Legea", and the words that say that one is a place to look.

"According to the library's rules" names a place; "what a library is" names none. The kinds are known in Romanian,
English, German, French, Spanish, Italian, Portuguese, Hungarian, Polish, Dutch, Russian, Chinese and Japanese. One kind
has the same name in all of them, so that "acordul cu Yahoo" finds an English agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import regex

ANY, LETTER = "any", "letter"
"""The kind of "document", "file" and "text", which may be anything, and that of letters and mails."""

# Folded. A star stands for any ending of at most `ENDING` letters, one before a word for the rest of a compound.
_KINDS = {
    "contract": "contract contracts contractul* contracte* agreement agreements acord acordul* acorduri* nda ndas"
    " mnda cnda covenant lease tenancy *vertrag *vertrags *vertrage* *vereinbarung* contrat contrats"
    " contrato* acuerdo* convenio* contratto contratti accordo accordi acordo* szerzodes* megallapodas*"
    " umow* porozumieni* overeenkomst* dohod* договор* соглашени* 合同 协议 契約",
    "law": "lege legea legii legile legilor legi ordonant* oug hg hotarar* cod codul codului act law statute"
    " directive regulation decree constitution constitutia constitutiei *gesetz* verordnung* richtlinie*"
    " *gesetzbuch* loi lois decret decretul* ordonnance reglement ley leyes decreto* legge leggi lei leis"
    " codigo* codice torveny* rendelet* ustaw* rozporzadzeni* wetten закон* кодекс* постановлени* 法律 条例",
    "rules": "regulament* regulile regulilor norme normele normelor rules regulations regulation bylaws policy"
    " policies procedure procedures procedur* politica politicii politici *ordnung* richtlinie* reglement"
    " reglements normas reglamento* politique* regolament* regulamento* szabalyzat* hazirend* regulamin*"
    " reglement* правил* политик* 规定 规则 制度 規則",
    "statute": "statut statutul* statute statutes bylaws *satzung* statuts estatuto* statuto statuti alapszabaly*"
    " статут* устав* 章程",
    "guide": "ghid ghidul* manual manualul* guide guides handbook handbooks manuals instructions instructiuni*"
    " indrumar* *handbuch* *anleitung* *leitfaden* manuel guia* guida manuale istruzioni kezikonyv*"
    " utmutato* poradnik* instrukcj* handleiding* руководств* инструкци* 手册 指南 说明",
    "report": "raport raportul* rapoarte* studiu* report reports study studies survey surveys *bericht* *studie*"
    " rapport rapports etude etudes enquete informe* estudio* encuesta* rapporto studio relazione"
    " relatorio* estudo* jelentes* tanulmany* felmeres* raport* badani* verslag* отчет* отчёт* доклад*"
    " исследовани* 报告 報告",
    LETTER: "scrisoare* scrisori* email emailul* e-mail mail mailul* letter letters emails lettre lettres"
    " courriel* correo* lettera lettere письм* 信件 邮件",
    "bill": "factura facturii facturi* invoice invoices *rechnung* facture factures fattura fatture fatura*"
    " szamla* faktur* factuur счет* счёт* 发票",
    "notice": "anunt anuntul* anunturi* comunicat* announcement leaflet brochure brosura* pliant* flyer formular*"
    " *formular* annonce aviso folleto* avviso aviso* hirdetmeny* tajekoztato* ogłoszeni* объявлени* 通知",
    "certificate": "certificate certificates certificat* adeverint* attestation* *bescheinigung* zertifikat*"
    " certificado* certificato igazolas* zaświadczeni* справк* свидетельств* 证书",
    "minutes": "proces procesul* minuta minutei minutes protocol* protokoll* jegyzokonyv* protokol* протокол*"
    " verbale ata notulen",
    ANY: "document documents documentul* documente* file files fisier* textul article articolul* page pagina"
    " pdf docx *dokument* datei *artikel* fichier fichier* documento* archivo* articulo* articolo* artigo*"
    " dokumentum* cikk* dokument* plik* документ* файл* стать* 文件 文档 文章 資料",
}
ENDING = 6
"""Letters of the ending of a word that is inflected."""

# Folded words right before a document's name that make it a place to look, and those of Hungarian behind it.
_BEFORE = (
    "in|din|conform|potrivit|prin|dupa|sub|la|in cadrul|in baza|in temeiul|pe baza|in conformitate cu"
    "|under|per|by|from|within|according to|as per|pursuant to|consider|given|regarding|based on"
    "|on the basis of|im|laut|gemass|gemaß|nach|aus|unter|beim|entsprechend|dans|selon|d apres|sous"
    "|conformement|d|aux termes|en|segun|conforme|bajo|con arreglo|de acuerdo con|nel|nella|nello|nell"
    "|secondo|in base|dal|dalla|no|na|segundo|nos termos|de acordo com|w|we|według|zgodnie z|z|volgens"
    "|onder|binnen|uit|в|во|по|согласно|из|根据|按照|依据"
)
BEFORE = frozenset(tuple(phrase.split()) for phrase in _BEFORE.split("|"))
_BEHIND = "szerint alapjan ertelmeben zufolge nach uyarinca によると"
BEHIND = frozenset(_BEHIND.split())
_ARTICLES = (
    "the a an this that our your my al a ale ai cu acest aceasta der die das dem den des dieser diesem le"
    " la les l du ce cette au el los las este esta il lo gli i questo questa o os as az ez het de dit deze"
)
ARTICLES = frozenset(_ARTICLES.split())
"""Words that may stand between those and the name."""
_INSIDE = regex.compile(r"(?:ban|ben|bol|rol|nak|nek)$")
"""Hungarian endings of a word that is a place."""
_DEFINITE = regex.compile(r"(?:ul|ului|[ei]i|ban|ben)$")
"""Romanian and Hungarian endings of a word that means a certain one."""


def _pattern(words: str) -> regex.Pattern[str]:
    ways = [
        ("\\p{L}{0,24}" if word.startswith("*") else "")
        + regex.escape(word.strip("*"))
        + (f"\\p{{L}}{{0,{ENDING}}}" if word.endswith("*") else "")
        for word in words.split()
    ]
    return regex.compile(rf"\A(?:{'|'.join(ways)})\Z")


_PATTERNS = {kind: _pattern(words) for kind, words in _KINDS.items()}


@lru_cache(maxsize=8192)
def kinds(word: str) -> frozenset[str]:
    """Return the kinds of documents that a folded word names; none for most words."""
    return frozenset(kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(word))


def is_part(words: Sequence[str], at: int) -> bool:
    """Return whether a word names a part of a document by its number: "article 5", "5. oldal"."""
    beside = [*words[max(0, at - 1) : at], *words[at + 1 : at + 2]]
    return ANY in kinds(words[at]) and any(word[:1].isdigit() for word in beside)


def is_certain(word: str, before: str) -> bool:
    """Return whether a word for a kind alone means a certain document: "the handbook", "ghidul", but no "the law"."""
    return "law" not in kinds(word) and bool(before in ARTICLES or _DEFINITE.search(word))


def opens_with_place(words: Sequence[str]) -> bool:
    """Return whether folded words begin by saying that what comes is a place to look: "According to …"."""
    return any(tuple(words[:length]) in BEFORE for length in (4, 3, 2, 1))


def is_place(before: Sequence[str], name: Sequence[str], behind: Sequence[str]) -> int | None:
    """Return how many of the words before a document's name say that it is a place to look; None where none does.

    Args:
        before, name, behind: folded words; the name holds a word for the kind of document.
    """
    at = len(before)
    while at and before[at - 1] in ARTICLES and tuple(before[at - 1 : at]) not in BEFORE:
        at -= 1
    for length in (4, 3, 2, 1):
        if at >= length and tuple(before[at - length : at]) in BEFORE:
            return len(before) - at + length
    if behind and behind[0] in BEHIND:
        return len(before) - at
    return len(before) - at if name and any(kinds(word) and _INSIDE.search(word) for word in name) else None
