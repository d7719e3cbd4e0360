"""Superlatives: whether a question asks for the most or the least of something, the first or the last, or for a total.

Words are folded, in Romanian, English, French, German, Spanish, Italian, Portuguese, Hungarian, Russian, Polish and
Chinese.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import regex

from rag.text.language import fold


class Measure(StrEnum):
    """What is measured by an adjective that says so by itself: "cheapest", "latest", "tallest", "largest"."""

    PRICE = "price"
    DATE = "date"
    HEIGHT = "height"
    LENGTH = "length"
    SPEED = "speed"
    WEIGHT = "weight"
    SIZE = "size"
    PLACE = "place"
    """The first and the last, by a rank or in the order of the rows."""


@dataclass(frozen=True, slots=True)
class Superlative:
    """A superlative of a question: whether the highest is asked for, what is measured, and where the word stands."""

    highest: bool
    measure: Measure | None
    start: int
    end: int


_HIGH = {
    None: "most|mult[aei]?|multi|bun[aei]?|best|top|maxim(?:um|a|al|ale)?|max|meisten?|beste[nrs]?|meilleure?s?"
    "|mejor(?:es)?"
    "|miglior[ei]?|melhor(?:es)?|mas|piu|mais|tobb|jobb|больше|наибольш\\w{1,4}|najwiecej|najlepsz\\w{1,4}|最多|最好",
    Measure.PRICE: "expensive|dearest|costliest|scump[aei]?|teuerste[nrs]?|teuersten|cher[es]{0,2}|car[oa]s?"
    "|costos[oaie]?|draga(?:bb)?"
    "|дорог\\w{1,4}|najdrozsz\\w{1,4}|最贵",
    Measure.DATE: "latest|newest|recent(?:ly|a|e|i|es|s)?|youngest|nou[aă]?|noi|tanar[aei]?|tineri"
    "|neueste[nrs]?|jungste[nrs]?"
    "|nouvelle|nouveau|jeune|reciente(?:s|mente)?|recientes|joven|nuov[oaie]|recente|giovane|nov[oa]s?"
    "|uj(?:abb)?|fiatal(?:abb)?"
    "|нов\\w{1,3}|najnowsz\\w{1,4}|最新",
    Measure.HEIGHT: "highest|tallest|inalt[aei]?|ridicat[aei]?|hochste[nrs]?|grosste[nrs]?|haute?s?|elevee?s?"
    "|alt[oaie]s?|elevad[oa]s?"
    "|magas(?:abb)?|высок\\w{1,4}|najwyzsz\\w{1,4}|最高",
    Measure.LENGTH: "longest|lung[aie]?|lungi|langste[nrs]?|longue?s?|larg[oa]s?|lung[oa]|long[oa]s?|hosszu|hosszabb"
    "|длинн\\w{1,4}|najdluzsz\\w{1,4}|最长",
    Measure.SPEED: "fastest|quickest|rapid[aei]?|rapizi|schnellste[nrs]?|rapides?|rapid[oa]s?|veloce"
    "|gyors(?:abb)?|быстр\\w{1,4}"
    "|najszybsz\\w{1,4}|最快",
    Measure.WEIGHT: "heaviest|weighs? the most|gre[ui]|grea|grele|schwerste[nrs]?|lourde?s?|pesad[oa]s?"
    "|pesant[ei]|nehez(?:ebb)?"
    "|тяжел\\w{1,4}|najciezsz\\w{1,4}|最重",
    Measure.SIZE: "largest|biggest|greatest|mari?|mare|grosste[nrs]?|grande?s?|grands?|mayor(?:es)?"
    "|maggior[ei]?|maior(?:es)?"
    "|nagy(?:obb)?|больш\\w{1,4}|najwieksz\\w{1,4}|最大",
    Measure.PLACE: "last|final|bottom|ultim(?:ul|a|ii|ele|o|i|e|os|as)|letzte[nrsm]?|derniere?s?|utolso"
    "|последн\\w{1,3}|ostatni\\w{0,3}"
    "|最后",
}  # fmt: skip
_LOW = {
    None: "least|worst|fewest|putin[aei]?|putini|minim(?:um|a|al|ale)?|min|wenigsten?|moins|menos|meno|kevesebb"
    "|меньше"
    "|наименьш\\w{1,4}|najmniej|最少",
    Measure.PRICE: "cheapest|ieftin[aei]?|billigste[nrs]?|gunstigste[nrs]?|economiques?|barat[oa]s?"
    "|economic[oaie]s?|olcsobb|olcso"
    "|дешев\\w{1,4}|najtansz\\w{1,4}|最便宜",
    Measure.DATE: "earliest|oldest|vech(?:i|e|ime)|devreme|alteste[nrs]?|fruheste[nrs]?|anciens?|anciennes?"
    "|vieille|vieux"
    "|antigu[oa]s?|viej[oa]s?|antic[oahie]{1,2}|vecchi[oaie]?|antig[oa]s?|regi(?:bb)?|idos(?:ebb)?|стар\\w{1,4}"
    "|najstarsz\\w{1,4}|最早",
    Measure.HEIGHT: "lowest|scund[aei]?|scazut[aei]?|joas[aei]|niedrigste[nrs]?|basse?s?|baj[oa]s?|bass[oaie]"
    "|baix[oa]s?"
    "|alacsony(?:abb)?|низк\\w{1,4}|najnizsz\\w{1,4}|最低",
    Measure.LENGTH: "shortest|scurt[aei]?|kurzeste[nrs]?|courte?s?|cort[oa]s?|curt[oa]s?|cort[oaie]"
    "|rovid(?:ebb)?|корот\\w{1,4}"
    "|najkrotsz\\w{1,4}|最短",
    Measure.SPEED: "slowest|lent[aeio]?s?|langsamste[nrs]?|lass[uú]bb|медленн\\w{1,4}|najwolniejsz\\w{1,4}|最慢",
    Measure.WEIGHT: "lightest|usor|usoara|leichteste[nrs]?|leger[es]{0,2}|liger[oa]s?|legger[oaie]"
    "|konny(?:ebb)?|легк\\w{1,4}"
    "|najlzejsz\\w{1,4}|最轻",
    Measure.SIZE: "smallest|tiniest|mic[aei]?|mici|kleinste[nrs]?|petite?s?|menor(?:es)?|minor[ei]?"
    "|pequen[oa]s?|piccol[oaie]"
    "|kisebb|kicsi|маленьк\\w{1,4}|najmniejsz\\w{1,4}|最小",
    Measure.PLACE: "first|prim(?:ul|a|ii|ele|o|i|e|os|as|eir[oa]s?)|erste[nrsm]?|premiere?s?|primer[oa]?s?|elso"
    "|перв\\w{1,3}"
    "|pierwsz\\w{1,3}|第一|首",
}  # fmt: skip
_LEADING = (
    r"(?:cel|cea|cei|cele) mai(?: putin(?! \W|$))?|most|least|le plus|la plus|les plus|le moins|la moins|(?:el"
    r"|la|los|las|il|lo|le|i|gli|o|a|os|as) "
    r"(?:mas|piu|mais|menos|meno)|mas|piu|mais|menos|meno|самы\w{1,3}|самая|am"
)
"""What makes an adjective a superlative that is none by itself; "least" and "menos" turn it round."""
_TURNED = regex.compile(r"(?<!\p{L})(?:least|moins|menos|meno|putin)(?!\p{L})")
_ALONE = regex.compile(
    r"(?<![\p{L}])(?:most|least|fewest|best|worst|top|max|min|maxim(?:um|a)?|minim(?:um|a)?|last|final|bottom"
    r"|first|\p{L}{3,12}est"
    r"|\p{L}{2,14}(?:ste[nrsm]?)|meisten?|letzte[nrsm]?|beste[nrs]?|(?<=\b(?:el|la|los|las|con"
    r"|de) )mayor(?:es)?|menor(?:es)?|mejor(?:es)?|maggior[ei]?|minor[ei]?"
    r"|miglior[ei]?|maior(?:es)?|melhor(?:es)?|ultim(?:ul|a|ii|ele|o|i|e|os|as)|prim(?:ul|a|ii|ele|o|i|e|os|as"
    r"|eir[oa]s?)|primer[oa]?s?"
    r"|premiere?s?|derniere?s?|meilleure?s?|utolso|elso|leg\p{L}{3,20}|naj\p{L}{3,20}|наи\p{L}{3,12}|больше|меньше"
    r"|последн\p{L}{1,3}|перв\p{L}{1,3}|ostatni\p{L}{0,3}|pierwsz\p{L}{1,3})(?![\p{L}])|最\p{Han}{1,2}|第一|首"
)
_LED = regex.compile(rf"(?<![\p{{L}}])(?P<lead>{_LEADING}) (?P<word>\p{{L}}{{2,20}})")
_WORDS = [
    (highest, measure, regex.compile(rf"(?:leg)?(?:{words})"))
    for highest, table in ((True, _HIGH), (False, _LOW))
    for measure, words in table.items()
]
TOTALS = regex.compile(
    r"(?<!\p{L})(?:totals?|total[aeiă]?|sum|overall|altogether|in all|sumar|ansamblu|insgesamt"
    r"|gesamt\p{L}{0,10}|summe|somme|ensemble"
    r"|suma|totale|complessiv[oaie]|osszesen|osszes|итого|всего|razem|suma|average|mean|medi[ae]|durchschnitt"
    r"|moyenne|promedio"
    r"|合计|总计|总)(?!\p{L})"
)
"""What names a row that sums up the others, or asks for it."""


def superlative(question: str) -> Superlative | None:
    """Return the superlative of a question, or None where it has none; of several the first that measures something."""
    folded = fold(question)
    found = [
        one
        for match in _LED.finditer(folded)
        if (one := _read(match["word"], match.start(), match.end(), match["lead"]))
    ]
    led = [(one.start, one.end) for one in found]
    for match in _ALONE.finditer(folded):
        if not any(start <= match.start() < end for start, end in led):
            one = _read(match.group(), *match.span(), "")
            found += [one] if one else []
    found.sort(key=lambda one: (one.measure is Measure.PLACE, one.start))
    return found[0] if found else None


def _read(word: str, start: int, end: int, lead: str) -> Superlative | None:
    for highest, measure, pattern in _WORDS:
        if pattern.fullmatch(word):
            turned = bool(lead) and bool(_TURNED.search(lead)) and measure is not None
            return Superlative(highest != turned, measure, start, end)
    if lead in ("most", "least"):  # "the most daily passengers": the noun follows at once
        return Superlative(lead == "most", None, start, start + len(lead))
    if lead.split()[-1:] in (["plus"], ["mas"], ["piu"], ["mais"]):
        return Superlative(True, None, start, end - len(word) - 1)
    if lead.split()[-1:] in (["moins"], ["menos"], ["meno"], ["putin"]):
        return Superlative(False, None, start, end - len(word) - 1)
    return None


_HEADERS = {
    Measure.PRICE: r"pret|price|cost|fee|tarif|taxa|lei|ron|eur|€|\$|usd|preis|kosten|gebuhr|prix|preci|cuota"
    r"|prezz|prec|ar\b|dij|ft|"
    r"forint|цена|стоим|cena|koszt|价|费",
    Measure.DATE: r"\ban\b|anul|year|date|data|opened|founded|built|since|jahr|datum|eroffnet|annee|ano\b|fecha"
    r"|anno|\bev\b|datum|год|"
    r"дата|rok|年|日期",
    Measure.HEIGHT: r"height|altitud|elevation|inaltim|hohe|hauteur|altura|altezz|magassag|высот|wysoko|高",
    Measure.LENGTH: r"length|lungim|durat|duration|time|lange|dauer|longueur|duree|longitud|lunghezz|compriment"
    r"|hossz|длин|dlugo|长",
    Measure.SPEED: r"speed|time|vitez|timp|geschwindigkeit|zeit|vitesse|temps|velocidad|tiempo|velocita|tempo"
    r"|sebesseg|ido\b|скорост",
    Measure.WEIGHT: r"weight|mass|greutat|masa|gewicht|poids|peso|suly|вес|waga|kg",
    Measure.SIZE: r"area|size|suprafat|marim|flache|grosse|superficie|taille|tamano|estension|terulet|meret"
    r"|площад|powierzch|population|"
    r"populati|einwohner|locuitor|capacit",
    Measure.PLACE: r"rank|pos\b|position|place|pozitie|\bloc\b|locul|\bplatz|rang|puesto|posizion|posicao"
    r"|helyezes|место|miejsce|"
    r"finish|^(?:#|n[or]|№)\.?(?: crt\.?)?$",
}  # fmt: skip
_COLUMN = {measure: regex.compile(f"(?<!\\p{{L}})(?:{words})") for measure, words in _HEADERS.items()}


def measures(column: str, measure: Measure) -> bool:
    """Return whether a column's name says that it holds such a measure."""
    return bool(_COLUMN[measure].search(fold(column)))


_COUNTED = (
    (
        regex.compile(r"(?<!\p{L})(?:people|persons|inhabitants|oameni|persoane|locuitori|menschen|leute"
        r"|personnes|personas|gente|"
                      r"habitantes|persone|pessoas|ember\p{L}{0,5}|люд\p{L}{1,3}|человек|ludzi)(?!\p{L})"),
        regex.compile(r"populati|attendan|inhabitant|visitor|spectator|locuitor|vizitator|einwohner|besucher"
        r"|habitant|visit|poblacion|"
                      r"popola|abitant|popula|lakos|насел|ludnos|passenger|calator"),
    ),
    (
        regex.compile(r"(?<!\p{L})(?:money|bani|geld|argent|dinero|soldi|dinheiro|penz\p{L}{0,3}|ден\p{L}{1,3}"
        r"|paid)(?!\p{L})"),
        regex.compile(r"earn|salar|prize|price|purse|win \$|revenue|income|amount|\$|€|£|lei|venit|castig|suma"
        r"|gehalt|betrag|einnahm|revenu|"
                      r"ingres|sueldo|importe|incass|receit|fizet|сумм|зарпл"),
    ),
)  # fmt: skip


def counts(column: str, question: str) -> bool:
    """Return whether a column counts the people or the money that a question speaks of."""
    asked, name = fold(question), fold(column)
    return any(noun.search(asked) and counted.search(name) for noun, counted in _COUNTED)
