"""Follow-up questions: "And when?" takes over the topic of the last answered turn.

Without a language model a question is rewritten only where it clearly cannot stand alone. There are three cases: it
names nothing ("De ce?"); it is a fragment ("Din ce oraș?"); or it points back ("Și cine a trimis-o?", "What about
China?") and names little itself. A follow-up that names another year, day or name and nothing else ("And on Sundays?")
is the question before it with that one in place of its own. To any other the rewriting adds the words of the question
before it that name something, but not those in whose place the follow-up names another. A question that stands alone
is not changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex

from rag.models.word_rarity import WordRarity
from rag.text.language import fold, question_language, words
from rag.text.things import WORD, substituted, things, without
from rag.types import Turn

NAMES_SOMETHING = 3.2
"""Rarity (surprisal in nats above that of the commonest words) from which a word names something."""

FEW = 3
"""A question that points back and names more words than this stands alone all the same."""

MOST_CARRIED = 20
"""Words that are carried over; one question names fewer, and what is searched must not grow with every turn."""

FRAGMENT = 3
"""A question of at most this many words, without a form of "to be", that names one thing is a fragment."""


@dataclass(frozen=True)
class _Grammar:
    """Folded words of a language: those that open a follow-up, point back, ask, and are forms of "to be"."""

    opens: frozenset[str]
    points_back: frozenset[str]
    asks: frozenset[str]
    be: frozenset[str]
    phrases: tuple[str, ...] = ()


def _grammar(opens: str, points_back: str, asks: str, be: str, phrases: tuple[str, ...] = ()) -> _Grammar:
    sets = [frozenset(each.split()) for each in (opens, points_back, asks, be)]
    return _Grammar(sets[0], sets[1], sets[2], sets[3], phrases)


_GRAMMARS = {
    "ro": _grammar(
        "si dar iar sau insa atunci",
        "el ea ei ele acesta aceasta acestia acestea acela aceea aceia acelea asta astia alea acolo",
        "cine ce cand unde cum cat cati cate cata care cui caruia careia de pentru cu la in pe din prin fost este mai",
        "este e sunt era erau fi fost",
        ("ce zici de", "cum ramane cu"),
    ),
    "en": _grammar(
        "and but or so then also",
        "it its he she they them him his her hers their theirs this that these those",
        "who what when where how why which whose whom many much does did do is are was were can will about for",
        "is are was were be am",
        ("what about", "how about"),
    ),
    "fr": _grammar(
        "et mais ou alors",
        "il elle ils elles celui celle ceux celles cela ca y lui leur",
        "qui que quoi quand ou comment combien pourquoi quel quelle quels quelles est ce",
        "est sont etait etaient",
    ),
    "de": _grammar(
        "und aber oder dann",
        "er sie es ihn ihm ihnen dies dieses dort dabei davon dazu",
        "wer was wann wo wie warum welche welcher welches wem wen wessen viele",
        "ist sind war waren",
    ),
    "es": _grammar(
        "y pero o entonces",
        "ella ellos ellas eso esto ese esa esos esas alli",
        "quien que cuando donde como cuanto cuantos cuanta cuantas cual cuales por",
        "es son era eran fue",
    ),
    "it": _grammar(
        "e ma o allora",
        "lui lei loro esso essa questo questa questi queste quello quella li",
        "chi che cosa quando dove come quanto quanti quanta quante quale quali perche",
        "e sono era erano",
    ),
    "pt": _grammar(
        "e mas ou entao",
        "ele ela eles elas isso isto esse essa ali dele dela",
        "quem que quando onde como quanto quantos quanta quantas qual quais por",
        "e sao era eram foi",
    ),
    "hu": _grammar(
        "es de vagy hat",
        "o ok ezt azt ott akkor annak ennek azok ezek",
        "ki mi mit mikor hol hogyan miert hany mennyi melyik kinek",
        "van vannak volt",
    ),
}
_CLITIC = regex.compile(r"^\p{L}{3,}-(?:o|l|i|le)$|^(?:l|i|le|o)-a[muv]?\p{L}*$")
"""Romanian pronouns joined to a verb: trimis-o, l-au."""

_NAME = regex.compile(r"(?<=\S\s)\p{Lu}\p{Ll}+")
"""A question that names somebody means that one by its "he" and "its"."""

_CHINESE = regex.compile(r"^(?:那么?|还有|然后)|[它他她]们?|那[里儿]")
_DOCUMENTS = """
articol articolul articolului text textul textului document documentul documentului pagina paginii article page texte
artikel dokument seite articulo texto documento articolo testo artigo cikk szoveg dokumentum oldal
"""
_ITSELF = frozenset(_DOCUMENTS.split())
"""Words for what is read. "This article" refers to the sources, not to an earlier question."""

_PREPOSITIONS = frozenset(["for", "pentru", "cu", "la", "in", "pe", "din", "prin", "por", "de", "mai"])
"""Words of `_Grammar.asks` that also stand without a question."""

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


def standalone(question: str, history: Sequence[Turn], rarity: WordRarity) -> str:
    """Return the question as it can be understood without the conversation."""
    topic, language = "", "ro"
    for turn in history:
        if not turn.abstained and turn.question.strip():
            language = question_language(turn.question, {language})
            topic = _joined(turn.question, topic, language, rarity)
    return _joined(question, topic, question_language(question, {language}), rarity) if topic else question


def _joined(question: str, topic: str, language: str, rarity: WordRarity) -> str:
    """Return a question with what it takes over from the topic, the question before it as it stands alone."""
    if not topic or stands_alone(question, language, rarity):
        return question
    empty = _empty(language)
    news = things(question, empty)
    of_things = {word for thing in news for word in WORD.findall(thing.words(question))}
    if news and of_things.issuperset(naming(question, language, rarity)):
        whole = substituted(topic, question, news, empty)
        if whole is not None:
            return whole
    topic = without(topic, news, empty)
    known = set(words(question))
    carried = [word for word in naming(topic, language, rarity) if not known.issuperset(words(word))][:MOST_CARRIED]
    return f"{question} ({' '.join(carried)})" if carried else question


def stands_alone(question: str, language: str, rarity: WordRarity) -> bool:
    """Return whether a question in that language can be understood by itself."""
    if _UNSPACED.search(question):
        return not _CHINESE.search(question)
    grammar = _GRAMMARS.get(language)
    if grammar is None:
        return True
    spoken = [fold(word) for word in WORD.findall(question)]
    named = naming(question, language, rarity)
    if not named:
        return False
    opens = spoken[0] in grammar.opens or fold(question).lstrip(" ¿¡").startswith(grammar.phrases or ("\0",))
    points_back = opens or (
        not _NAME.search(question)
        and (
            (any(word in grammar.points_back for word in spoken) and not _ITSELF & set(spoken))
            or (language == "ro" and any(_CLITIC.search(word) for word in spoken))
            or (language == "en" and spoken[-1] == "there" and not grammar.be & set(spoken))
        )
    )
    fragment = len(spoken) <= FRAGMENT and len(named) == 1 and not grammar.be & set(spoken)
    return not fragment and (not points_back or len(named) > FEW)


def is_elliptical(question: str, language: str) -> bool:
    """Return whether a follow-up has neither a question word nor a pronoun, as in "And on Sundays?"."""
    grammar = _GRAMMARS.get(language)
    spoken = {fold(word) for word in WORD.findall(question)}
    for phrase in grammar.phrases if grammar else ():
        spoken -= set(phrase.split())
    return grammar is not None and not spoken & (grammar.points_back | grammar.asks - _PREPOSITIONS)


def naming(text: str, language: str, rarity: WordRarity) -> list[str]:
    """Return the words of a text that name something, as written."""
    empty = _empty(language)
    return [
        word
        for word in WORD.findall(text)
        if fold(word) not in empty and rarity.weight(word.lower()) >= NAMES_SOMETHING
    ]


def _empty(language: str) -> frozenset[str]:
    """Return the folded words of a language that name nothing."""
    grammar = _GRAMMARS.get(language)
    return grammar.opens | grammar.points_back | grammar.asks | grammar.be if grammar else frozenset()
