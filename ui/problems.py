"""Translate the errors that visitors meet into the language of the page.

Errors are written in English, as the command line prints them. An error without a translation is shown in English.
"""

from __future__ import annotations

import re

_RO: tuple[tuple[str, str], ...] = (
    (r"The question is empty; ask something\.", "Întrebarea e goală; întreabă ceva."),
    (
        r"The question has (\d+) characters, more than the (\d+) allowed; .*",
        r"Întrebarea are \1 de caractere, mai mult decât cele \2 admise; scurteaz-o.",
    ),
    (r"There is nothing to search yet; .*", "Nu e nimic de căutat încă: adaugă un fișier."),
    (
        r"Another process is adding documents to .*",
        "Alt program adaugă documente chiar acum; încearcă din nou după ce termină.",
    ),
    (
        r"Cannot write to (.*) \((.*)\): .*",
        r"Nu se poate scrie în \1 (\2): în ce este acolo se poate căuta, dar nu se poate schimba nimic.",
    ),
    (
        r"The disk of (.*) is full .*",
        r"Discul pe care este \1 e plin; fă loc și încearcă din nou: ce era gata s-a păstrat.",
    ),
    (
        r"The database in (.*) is damaged .*",
        r"Baza de date din \1 este stricată; ca să fie refăcută din textele păstrate, rulează: temei ingest --rebuild",
    ),
    (r"(?:The index|.*Chroma).* (run|set|start|unset).*", r"Indexul nu poate fi folosit acum. \g<0>"),
    (r"is not UTF-8 \(byte (\d+)\); .*", r"nu este text UTF-8 (octetul \1); salvează-l ca UTF-8."),
    (r"is empty; .*", "este gol; salvează-l sau descarcă-l din nou."),
    (r"has no text that can be read; .*", "nu are text care să poată fi citit; transformă-l în text."),
    (r"is a binary file, not text; .*", "este un fișier binar, nu text; transformă-l în text UTF-8."),
    (r"is (.*), not plain text; .*", r"este \1, nu text simplu; dă-i extensia formatului său sau transformă-l."),
    (r"is by its content (.*); .*", r"este, după conținut, \1; dă-i extensia formatului său."),
    (r"is protected with a password; .*", "este protejat cu parolă; salvează o copie fără ea."),
    (r"has no format that Temei reads \((.*)\)\.", r"nu are un format pe care Temei îl citește (\1)."),
    (
        r"has (\d+) MB, more than the (\d+) allowed; .*",
        r"are \1 MB, mai mult decât cei \2 admiși; împarte-l, sau mărește TEMEI_MAX_FILE_MB.",
    ),
    (
        r"is one upload too many: (\d+) .*",
        r"nu mai încape: sunt deja \1 de fișiere, cât se poate; scoate din ele, sau mărește TEMEI_MAX_UPLOADS.",
    ),
    (
        r"does not fit into the (\S+) MB .*",
        r"nu încape în cei \1 MB cât pot ocupa fișierele adăugate; scoate din ele, sau mărește TEMEI_MAX_UPLOADS_MB.",
    ),
    (
        r"begins with front matter that is not YAML .*",
        "începe cu un antet care nu este YAML; îndreaptă-l sau scoate-l.",
    ),
    (r"cannot be read \((.*)\); .*", r"nu poate fi citit (\1)."),
    (r"Too many (?:requests|uploads) at once; .*", "Prea multe deodată; așteaptă un minut."),
    (r"Too many questions in a minute; .*", "Prea multe întrebări într-un minut; așteaptă puțin."),
    (r"Too many wrong logins; try again in (\d+) seconds\.", r"Prea multe parole greșite; reia peste \1 secunde."),
    (r"The upload has more than (\d+) MB; .*", r"Fișierele au peste \1 MB; trimite mai puține sau mai mici."),
    (r"Uploads already take most of the .*", "Nu mai e loc pentru fișiere; scoate din ele sau mărește locul lor."),
    (r"The request has more than .*", "Cererea e prea mare; începe o conversație nouă."),
    (r"The request names a file that was not .*", "Fișierul nu a fost încărcat aici; adaugă-l din nou."),
    (r"Fetch the answers to what was asked .*", "Așteaptă răspunsurile de până acum."),
    (r"A page from elsewhere may not use this one, .*", "O pagină din altă parte nu poate folosi Temei."),
    (r"There is no such event; .*", "Pagina s-a schimbat; reîncarc-o."),
    (r"Give the user and password of TEMEI_AUTH\.", "Conectează-te: reîncarcă pagina."),
)
_TRANSLATED = {"ro": [(re.compile(pattern, re.DOTALL), said) for pattern, said in _RO]}


def in_language(problem: str, language: str) -> str:
    """Return an error's one line in a language of the page, or as it stands where there is no translation."""
    for pattern, said in _TRANSLATED.get(language, ()):
        match = pattern.fullmatch(problem)
        if match:
            return match.expand(said)
    return problem
