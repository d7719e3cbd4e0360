"""Own words: see that what a follow-up itself names stands in the sentence that is to answer it.

"And the valve?" after "How much did the pump cost?" is searched as "And the valve? (pump cost)", and the pump's price
answers most of that. What the follow-up is about is the valve: a sentence that names it is preferred, and where there
is none the answer is doubted. A follow-up with a question word or a pronoun ("When was he elected?") is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rag.followup import is_elliptical, naming
from rag.look import Look
from rag.models.word_rarity import WordRarity
from rag.read import Sentence
from rag.text.language import language_share, question_language, words
from rag.topic import stems

DOUBT = 0.3
"""What the confidence counts where no sentence holds a word that the follow-up names. Of the dialogues' 12 that the
documents do not answer 9 are refused so, 4 without it (docs/experiments.md, Follow-ups)."""
BEHIND = 0.25
"""What the sentence that is preferred may score below the best one."""
LOOKED_AT = 12
"""Sentences among which it is looked for."""


def preferred(found: Look, follow_up: str, rarity: WordRarity) -> tuple[Look, float]:
    """Return a look whose first sentence holds a word of the follow-up, and a factor (0..1) for the confidence in it.

    Headings above a sentence count. A follow-up in another language than the best sentence's is not looked at.
    """
    if not follow_up or not found.sentences:
        return found, 1.0
    best = found.sentences[0]
    language = best.hit.passage.language
    named = stems(naming(follow_up, question_language(follow_up, {language}), rarity), language)
    if not named or not is_elliptical(follow_up, language) or language_share(follow_up, language) < 0.5:
        return found, 1.0
    holds = _holding(named)
    near = [s for s in found.sentences[:LOOKED_AT] if best.score - s.score <= BEHIND and not s.is_heading and holds(s)]
    if holds(best) or not near:
        return found, 1.0 if holds(best) else DOUBT
    return replace(found, sentences=[near[0], *(s for s in found.sentences if s is not near[0])]), 1.0


def _holding(named: set[str]) -> Callable[[Sentence], bool]:
    def holds(sentence: Sentence) -> bool:
        passage = sentence.hit.passage
        told = " ".join([sentence.text, *passage.path_at(sentence.span[0]), *passage.columns])
        return bool(named & stems(words(told), passage.language))

    return holds
