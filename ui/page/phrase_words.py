"""Hold the words and patterns by which noun phrases are told, and the questions that are asked about them."""

from __future__ import annotations

import regex

ABOUT = {
    "ro": "Ce se spune despre {phrase}?",
    "en": "Tell me about {phrase}.",
    "de": "Was wird über „{phrase}“ gesagt?",
    "fr": "Que dit-on de « {phrase} » ?",
    "es": "¿Qué se dice de «{phrase}»?",
    "it": "Che cosa si dice di «{phrase}»?",
    "pt": "O que se diz sobre “{phrase}”?",
    "hu": "Mit mond a szöveg erről: „{phrase}”?",
    "pl": "Co wiadomo o: „{phrase}”?",
    "ru": "Что говорится о «{phrase}»?",
    "uk": "Що сказано про «{phrase}»?",
    "bg": "Какво се казва за „{phrase}“?",
    "el": "Τι λέγεται για «{phrase}»;",
    "tr": "“{phrase}” hakkında ne deniyor?",
    "ar": "ماذا يقول النص عن «{phrase}»؟",
    "he": "מה נאמר על „{phrase}”?",
    "zh": "关于“{phrase}”，文中怎么说？",
    "ja": "「{phrase}」について何と書かれていますか？",
    "ko": "“{phrase}”에 대해 뭐라고 하나요?",
    "hi": "“{phrase}” के बारे में क्या कहा गया है?",
}
QUOTED = {"ro": "„{}”", "en": "“{}”"}


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


LITTLE_WORDS = {
    "ro": _words(
        "într-un într-o dintr-un dintr-o printr-un "
        "și sau dar iar ori nici că care ce cine unde când cum cât dacă deși astfel apoi însă ca să nu se "
        "își îi le li l o un una unei unui niște la în pe din prin de cu pentru despre după până spre către "
        "sub peste între fără a al ai ale ar au am are avea aveau este e sunt era erau fi fost va vor vei "
        "voi mai foarte tot toate toți fiecare acest această acești aceste acel acea acei acele el ea ei ele "
        "noi eu tu sa său săi sale lor lui cel cea cei cele doar numai chiar aici acolo atunci acum prea cam "
        "mult multe mulți putea poate pot trebuie trebui nr art alin lit pct"
    ),
    "en": _words(
        "and or but nor that which who whom whose what where when while why how if although because then "
        "than so as the a an this these those there here in on at by with to from for of into onto over "
        "under about after before during until since between among through against without within it its he "
        "she they them his her hers their we our you your i me my is are was were be been being am has have "
        "had do does did will would shall should can could may might must not no only also very more most "
        "much many such some any each every both all other one came come comes went go goes kept made said "
        "says called just even still now never ever up out off down "
        "itself himself herself themselves least first last same own"
    ),
}
HOLLOW = _words(
    "question questions answer answers document documents text texts article articles page pages example examples "
    "chapter chapters section sections figure figures table tables thing things case cases way ways part parts "
    "point points fact facts name names number numbers list lists item items note notes someone something anyone "
    "anything nothing everything întrebare întrebarea întrebări întrebările răspuns răspunsul răspunsuri "
    "răspunsurile document documentul documente documentele text textul texte textele articol articolul articole "
    "articolele pagină pagina pagini paginile exemplu exemplul capitol capitolul secțiune secțiunea figură figura "
    "tabel tabelul lucru lucrul lucruri lucrurile caz cazul cazuri fel felul mod modul parte partea punct punctul "
    "fapt faptul nume numele număr numărul listă lista notă nota cineva ceva nimic"
)
"""Words that alone are no subject of a question that is worth asking: they name the document, or anything at all."""
DETERMINED = {
    "ro": _words("de din în la pe cu pentru despre prin sub peste către spre între fără un o niște"),
    "en": _words("the a an its his her their our"),
}
INDEFINITE = _words("a an un o")
ITEMS = frozenset(["\n", "-", "*", "•", "|", "–", "—"])
"""What stands before an item of a list, a cell of a table, a heading."""
JOINS = {"ro": _words("de a al ai ale"), "en": frozenset(["of"])}
VERB_BEFORE = {
    "ro": _words("un o niște se își îi le la cu că să nu"),
    "en": _words("the a an its his her their itself himself herself up down out off to over throughout"),
}
"""What follows a verb rather than a noun: a run before it ends in a verb."""
VERBS_AFTER = {
    "ro": _words("este sunt era erau a au va vor nu se"),
    "en": _words("is are was were has have had will would can may"),
}
VERBAL = {
    "ro": regex.compile(r"(?:ând|ind|ează|ește|esc|ească|eze|ăm|iți|are)$|^(?:s-|l-|i-|le-|ne-)|-(?:o|l|i|le|se)$"),
    "en": regex.compile(r"(?:ed|ing|ly|izes|ates)$"),
}
GENITIVE = regex.compile(r"(?:ului|lui|ilor|elor|iei|ței|icii|ei)$")
BROKEN = regex.compile(
    r"\b(?:va|vor|ar|este|sunt|era|au|a|care|că|nu|se|will|has|have|had|is|are|was|were|which|who|not)\b"
    r"|\b(?:și|sau|and|or|de|of|în|in)$",
    regex.IGNORECASE,
)
"""Words that show that what looks like a subject is none."""
