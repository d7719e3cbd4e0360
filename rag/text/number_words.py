"""Number words and names of months and days by language: folded, that is in lower case and without diacritics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SCALE_VALUES = (100.0, 1e3, 1e6, 1e9)

_SMALL = {  # from 2 up; words that mean something else as well are left out
    "ro": "doi/doua trei patru cinci sase sapte opt - zece unsprezece doisprezece/douasprezece treisprezece "
    "paisprezece cincisprezece saisprezece saptesprezece optsprezece nouasprezece douazeci",
    "en": "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty",
    "fr": "deux trois quatre cinq six sept huit - dix onze douze treize quatorze quinze seize - - - vingt",
    "de": "zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn "
    "achtzehn neunzehn zwanzig",
    "es": "dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete "
    "dieciocho diecinueve veinte",
    "it": "due tre quattro cinque - sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove venti",
    "pt": "dois/duas tres quatro cinco seis sete oito nove dez onze doze treze catorze/quatorze quinze dezesseis "
    "dezessete dezoito dezenove vinte",
    "hu": "ketto/ket harom negy - - - nyolc kilenc tiz tizenegy tizenketto tizenharom tizennegy tizenot tizenhat "
    "tizenhet tizennyolc tizenkilenc husz",
    "ru": "два/две/двух три/трех четыре/четырех пять/пяти шесть/шести семь/семи восемь/восьми девять/девяти "
    "десять/десяти одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать восемнадцать "
    "девятнадцать двадцать",
}
_TENS = {  # from 30 to 90
    "ro": "treizeci patruzeci cincizeci saizeci saptezeci optzeci nouazeci",
    "en": "thirty forty fifty sixty seventy eighty ninety",
    "fr": "trente quarante cinquante soixante",
    "de": "dreissig vierzig funfzig sechzig siebzig achtzig neunzig",
    "es": "treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "it": "trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "pt": "trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "hu": "harminc negyven otven hatvan hetven nyolcvan kilencven",
    "ru": "тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто",
}
_SCALES = {  # `SCALE_VALUES`
    "ro": "suta/sute mie/mii milion/milioane miliard/miliarde",
    "en": "hundred/hundreds thousand/thousands million/millions billion/billions",
    "fr": "cent/cents mille million/millions milliard/milliards",
    "de": "hundert tausend million/millionen milliarde/milliarden",
    "es": "cien/ciento/cientos mil millon/millones -",
    "it": "cento mille/mila milione/milioni miliardo/miliardi",
    "pt": "cem/cento mil milhao/milhoes bilhao/bilhoes",
    "hu": "szaz ezer millio milliard",
    "ru": "сто тысяча/тысяч/тысячи миллион/миллиона/миллионов миллиард/миллиарда/миллиардов",
}
_ORDINALS = (
    "second third fourth fifth sixth seventh eighth ninth tenth",
    "doilea treilea patrulea cincilea saselea",
)


def _words(listed: str) -> list[str]:
    return [word for group in listed.split() for word in group.split("/")]


def _listed(words: str, values: Iterator[float]) -> dict[str, float]:
    return {word: value for group, value in zip(words.split(), values, strict=False) for word in group.split("/")}


VALUES = {
    language: _listed(_SMALL[language], map(float, range(2, 21)))
    | _listed(_TENS[language], map(float, range(30, 100, 10)))
    | _listed(_SCALES[language], iter(SCALE_VALUES))
    for language in _SMALL
}
"""The values of number words by language and word."""

ANY_VALUES = {word: value for words in VALUES.values() for word, value in words.items()} | {
    word: value for listed in _ORDINALS for word, value in _listed(listed, map(float, range(2, 11))).items()
}
"""The values of number words of any language, and of ordinals."""

_TELLING = ("ro", "en", "fr", "de", "es")
"""The languages of whose numbers a text is asked whether it tells how many, or when."""
_UP_TO_TEN = {word for language in _TELLING for word, value in VALUES[language].items() if value <= 10} - {"-"}
_OTHER_AMOUNTS = (
    "unu una noua douazeci jumatate sfert one eleven twelve dozen half quarter neuf cent mille hundert tausend "
    "millionen cien mil millones"
)

AMOUNTS = frozenset(
    _UP_TO_TEN | {word for language in ("ro", "en") for word in _words(_SCALES[language])} | {*_OTHER_AMOUNTS.split()}
)
"""Words that tell how many, those included that mean something else as well."""

_MONTHS = {
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "en": "january february march april may june july august september october november december",
    "fr": "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "de": "januar februar marz april mai juni juli august september oktober november dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "hu": r"januar\p{L}* - marcius\p{L}* aprilis\p{L}* majus\p{L}* junius\p{L}* julius\p{L}* augusztus\p{L}* "
    r"szeptember\p{L}* oktober\p{L}* november\p{L}* december\p{L}*",
    "ru": r"январ[яь]\p{L}* феврал\p{L}* март\p{L}? апрел\p{L}* ма[ия]/маем июн\p{L}* июл\p{L}* август\p{L}? "
    r"сентябр\p{L}* октябр\p{L}* ноябр\p{L}* декабр\p{L}*",
}
"""Patterns, since in Hungarian and Russian a month takes many endings."""
_SHORT = "ian feb mart apr - iun iul aug sept/sep oct noi dec"
_OTHER_SHORT = "jan - mar - - jun jul - - okt nov dez"

_WEEKDAYS = {  # from Monday on
    "ro": "luni marti/martea miercuri/miercurea joi/joia vineri/vinerea sambata/sambete/sambetele duminica/duminicile",
    "en": "mondays? tuesdays? wednesdays? thursdays? fridays? saturdays? sundays?",
    "fr": "lundis? mardis? mercredis? jeudis? vendredis? samedis? dimanches?",
    "de": "montags? dienstags? mittwochs? donnerstags? freitags? samstags?/sonnabends? sonntags?",
    "es": "lunes martes miercoles jueves viernes sabados? domingos?",
    "it": "lunedi martedi mercoledi giovedi venerdi sabato domenic[ah]e?",
    "pt": "segunda-feira terca-feira quarta-feira quinta-feira sexta-feira sabados? domingos?",
    "hu": r"hetfo\p{L}* kedd\p{L}* szerda\p{L}* csutortok\p{L}* pentek\p{L}* szombat\p{L}* vasarnap\p{L}*",
    "ru": r"понедельник\p{L}* вторник\p{L}* сред[аыу] четверг\p{L}* пятниц\p{L}* суббот\p{L}* воскресень\p{L}*",
}
"""Patterns, as those of the months."""


def _by_place(rows: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return for each month or day its names in some rows, each once."""
    columns = zip(*(row.split() for row in rows), strict=True)
    return tuple(
        tuple(dict.fromkeys(name for group in column for name in group.split("/") if name != "-")) for column in columns
    )


MONTHS = _by_place([*_MONTHS.values(), _SHORT, _OTHER_SHORT])
"""Patterns of the names of each month, in any language and abbreviated; many of the short ones are other words too."""

WEEKDAYS = _by_place(_WEEKDAYS.values())
"""Patterns of the names of each day of the week in any language, Monday first."""

DATED = frozenset(
    name for names in _by_place([*(_MONTHS[language] for language in (*_TELLING, "it")), _SHORT]) for name in names
)
"""The names of months that tell when in an answer."""
