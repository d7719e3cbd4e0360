"""Sentences that only refer to the one before: "In this case …", "În acest caz …", "The above …"."""

from __future__ import annotations

import regex

from rag.text.language import fold
from rag.text.markup import without_markup

# Folded, in Romanian, English, German, French, Spanish, Italian, Portuguese, Hungarian, Polish, Dutch and Russian.
_OPENINGS = (
    r"in (?:acest|aceste|aceasta|astfel de|asemenea|ambele) (?:cazu?|cazuri|situati\w+|scop|ipotez\w+)|in caz contrar"
    r"|altfel|(?:cele|prevederile|dispozitiile|regulile|conditiile|actele) de mai sus|aceeasi (?:regula|conditie|taxa)"
    r"|(?:aceasta|acesta|acestea|acestia) (?:nu |se )?(?:este|sunt|se|nu|trebuie|poate|pot|va|vor|are|au|aplica)"
    r"|in (?:this|that|these|those|such|both|either)(?: an?)? (?:cases?|situations?|circumstances?|events?)"
    r"|in which case|otherwise|if so|if not|for this purpose|likewise|the same applies"
    r"|the (?:above|foregoing|aforesaid|same)"
    r"|(?:this|these|those|that) (?:also )?(?:is|are|was|were|does|do|applies|apply|must|may|can|will|shall)"
    r"|in (?:diesem|diesen|solchen|beiden) (?:fall|fallen)|andernfalls|ansonsten|(?:das )?gleiche[s]? gilt"
    r"|dies(?:e|er|es)? (?:gilt|gelten|ist|sind)|dans (?:ce|ces|un tel|de tels|les deux) cas|sinon"
    r"|dans le cas contraire|cela|celui-ci|celle-ci|ceux-ci|ce qui precede|en (?:este|ese|estos|tal|tales|ambos) casos?"
    r"|de lo contrario|lo anterior|(?:esto|este|esta|estos|estas) (?:no |se )?(?:es|son|se|aplica)"
    r"|in (?:questo|questi|tal|tali|entrambi i) cas[oi]|altrimenti|in caso contrario|quanto sopra|cio"
    r"|(?:neste|nesse|nestes|nesses|em tal|em tais) casos?|caso contrario|o acima"
    r"|(?:ebben|ilyen|ezekben|mindket) (?:az )?eset\w*|ellenkezo esetben|a fentiek|ez (?:a|az|nem|csak)"
    r"|w (?:tym|takim|tych|takich|obu) przypadk\w+|w przeciwnym razie|powyzsze"
    r"|in (?:dit|dat|deze|zulke|beide) geval(?:len)?|anders|het bovenstaande"
    r"|в (?:этом|таком|этих|таких|обоих) случа\w+|в противном случае|иначе|вышеуказанн\w+"
)
_REFERS = regex.compile(rf"\P{{L}}{{0,5}}(?:{_OPENINGS})(?!\w)")
LOOKED_AT = 80
"""Characters of a sentence in which its opening is looked for; the longest opening has about half as many."""


def refers_back(text: str) -> bool:
    """Return whether a sentence begins by referring to what stands before it, so that alone it says too little."""
    return bool(_REFERS.match(fold(without_markup(text[:LOOKED_AT]))))
