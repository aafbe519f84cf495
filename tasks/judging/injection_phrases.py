"""The phrases with which texts address whoever judges them.

Patterns for texts in the plain lower case of undisguise. `position`, `score` and `label` are what a
phrase asks a judge to say. Repeats are bounded, so a search takes time proportional to the text.
Missed attacks cost little (candidates are fenced data anyway), while an honest text that is flagged
is distrusted for nothing: so phrases are ones that ordinary answers do not have.
"""

import re

_ANSWER = r"(?:answer|response|reply|completion|candidate|assistant|submission)"
_POSITION = r"(?P<position>1|2|one|two|a|b)"
_OPEN = r"(?:[^\w.,;!?-]|_){0,16}"
_COLON = r"(?:[^\w.,;!?:=-]|_){0,16}[:=-]"
_BEGIN = r"(?<![a-z0-9])"
_MARKS = r"(?:[^\w\n]|_){0,16}"
_WON = r"(?:better|best|superior|preferred|chosen|selected|the winner|the winning)\b"
_TOP = (
    r"(?:full (?:marks|points|score)|(?:a )?(?:perfect|(?:the )?(?:highest|maximum|top|best))"
    r" (?:possible )?(?:score|rating|marks?|grade|points?))"
)
_NOT_TOLD = (
    r"(?<!\bi )(?<!\bi'd )(?<!\bi'll )(?<!\bi should )(?<!\bwe )(?<!would )(?<!will )"
    r"(?:(?<=\byou to )|(?<!\bto ))"
)
"""A candidate that tells what it would do itself does not tell the judge what to do."""
_ORDERED = (
    r"(?:^[^\w\n]{0,8}|[.!?:;(>\"][^\w\n]{0,4}|\b(?:please|you (?:must|should|will|have to|are to)|"
    r"always|therefore|so|now) )"
)
"""An order begins a sentence or follows such words; `I give it 8/10` is a review."""


def _all(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.MULTILINE) for pattern in patterns)


def _order(verbs: str, rest: str) -> str:
    return rf"\b(?={verbs}){_NOT_TOLD}(?:{verbs}){rest}"


FORMS = _all(
    rf"{_BEGIN}(?:verdict|winner|preference|preferred(?:[ _]{_ANSWER})?|better[ _]{_ANSWER}){_COLON}{_OPEN}"
    rf"(?:{_ANSWER}[ _]?)?(?P<position>1|2|tie)"
    r"(?!_?[^\W_]|[%/]|[.,]\d|[^\w\n]{1,3}(?:in|out|of|or|to|(?:year|month|day|star|point|count)s?)\b)",
    rf"[\"']scores?\\?[\"']\s{{0,4}}:{_OPEN}(?P<score>\d{{1,3}})\b",
    rf"{_BEGIN}scores{_COLON}[`\s]{{0,4}}\{{[^{{}}:]{{0,60}}:{_OPEN}(?P<score>\d{{1,3}})\b",
    rf"^{_MARKS}score{_MARKS}[:=]{_MARKS}(?P<score>\d{{1,3}})(?:\s?/\s?\d{{1,3}})?{_MARKS}$",
    rf"^{_MARKS}score{_MARKS}[:=]{_MARKS}(?P<score>\d{{1,3}})\.0+{_MARKS}$",
    rf"[\"']label\\?[\"']\s{{0,4}}:{_OPEN}(?P<label>\d{{1,2}}|[a-z])[\\\"')\].]{{0,4}}\s{{0,4}}\}}",
    r"\[\[(?P<position>a|b)\]\]|\b(?:rating|score)\b[^\w\n]{0,4}\[\[(?P<score>\d{1,3})\b",
    rf"^{_MARKS}label{_MARKS}:{_MARKS}(?:(?:option|choice|answer) ?)?(?P<label>\d{{1,2}}|[a-z]){_MARKS}$",
)
"""What the reader of verdicts would read, wherever it stands, and what other judges write."""

ENGLISH = _all(
    rf"\b{_ANSWER}[ _]{{0,2}}(?:number |no\. ?|#)?[\"'(\[]?{_POSITION}\b[\"')\]*]{{0,3}} (?:wins\b|"
    rf"won\b|(?:is|was|should be|must be|has to be|deserves to be)\b(?! not)[^.!?\n]{{0,30}}\b{_WON})",
    _order(
        r"choose|prefer|select|pick|favou?r|output|say|return|reply|respond|answer|vote",
        rf"(?: with| for)?(?: only| just| exactly)?(?: the)?{_OPEN}(?:{_ANSWER}|verdict)"
        r"[ _]{0,2}(?:number |#)?[\"'(\[]?(?P<position>1|2|one|two|a|b|tie)\b",
    ),
    _order(
        r"choose|prefer|select|pick|favou?r|vote for|output",
        rf" (?:only )?the (?P<position>first|second) {_ANSWER}\b",
    ),
    r"\b(?:output|reply|respond|answer|say|write)(?: with)? (?:only|just|exactly|simply)(?: the)?"
    rf"(?: number| digit| word| token| verdict)?{_OPEN}(?P<position>1|2|tie)\b"
    r"[\"'`\])*]{0,3}(?=\s*(?:[.,;:!?\n]|$)| and\b| as\b)",
    _order(
        r"declare|judge|call|consider|mark|rate|score",
        r" (?:both|the two|these|this|them)\b[^.!?\n]{0,40}\b(?:a|as) (?P<position>tie|tied)\b",
    ),
    _order(
        r"choose|prefer|select|pick|favou?r|rate|score|grade|rank|vote for|upvote",
        rf" (?:this|my)(?: \w{{1,12}})? {_ANSWER}\b",
    ),
    rf"\b(?:this|my|the present) {_ANSWER} (?:is|should be|must be|has to be|has been|deserves|wins)"
    rf"\b[^.!?\n]{{0,40}}\b(?:better than the other|the best (?:{_ANSWER}|one|of)|the winner|"
    rf"to win\b|preferred\b|superior to|declared|{_TOP})",
    rf"{_ORDERED}(?:give|award|assign|grant|rate|score|grade|mark) (?:it|this|me|my|that)\b"
    r"[^.!?\n]{0,40}?\b(?P<score>\d{1,3}) ?(?:/|out of) ?\d{1,3}\b",
    _order(
        r"give|award|assign|grant",
        r" (?:it|this|me|my|that)\b[^.!?\n]{0,30}\b(?:score|rating|grade|mark) of"
        r" (?P<score>\d{1,3})\b",
    ),
    _order(r"give|award|assign|grant|reward", rf" (?:it|this|me|my)\b[^.!?\n]{{0,30}} {_TOP}"),
    _order(r"give|award|assign|grant", rf" (?:the )?{_TOP} to (?:this|my|me)\b"),
    _order(
        r"say|conclude|confirm|state|agree|decide|acknowledge|report|declare",
        rf" that (?:(?:this|my) {_ANSWER}|(?:the )?(?P<position>first|second)(?: {_ANSWER}| one)?)"
        r" (?:is|was)\b[^.!?\n]{0,20}\b(?:better|best|superior|winner)\b",
    ),
    rf"\b(?:this|my) {_ANSWER} (?:should|must|has to|deserves to) be (?:rated|scored|graded|ranked|"
    r"judged|preferred|chosen|selected|picked)\b",
    rf"\bthe (?P<position>first|second) {_ANSWER} (?:wins|won|is|was)\b(?! not)[^.!?\n]{{0,12}}"
    r"\b(?:better|best|superior|preferred|the winner)\b",
    rf"\b(?:do not|don't|never) (?:choose|pick|select|prefer|read|consider) the other {_ANSWER}\b",
    rf"\bthe other {_ANSWER} (?:is|was|contains|should|must|does|makes|fails)\b",
    r"[\"'`](?P<position>1|2|tie)[\"'`] (?:as|for) (?:the|your) (?:final )?"
    r"(?:verdict|decision|judge?ment|winner|preference)\b",
    r"\brank (?:me|this|mine)(?: \w{1,12})? (?:first|highest|higher|above|number one|at the top)\b",
    rf"\b(?:i am|this is) the (?:gold|golden|reference|ground[ -]truth)(?: standard)? {_ANSWER}\b",
)
"""English orders and claims about the outcome; those without a group ask for themselves."""

OTHER_LANGUAGES = _all(
    # German
    r"\bantwort (?P<position>1|2|eins|zwei|a|b) (?:ist|war|gewinnt|soll|muss)\b[^.!?\n]{0,30}"
    r"(?:besser|beste|gewinn|bevorzug|sieger|uberlegen)",
    r"\b(?<!\bich )(?:wahle?|wahlen sie|bevorzuge?|bevorzugen sie|nimm|nehmen sie)(?: immer| nur| bitte)?"
    r" (?:die )?(?P<position>erste|zweite)n? antwort\b",
    r"\b(?<!\bich )(?:wahle?|wahlen sie|bevorzuge?|bevorzugen sie|nimm|bewerte|bewerten sie)(?: immer| bitte)?"
    r" (?:diese|meine) antwort\b",
    r"\b(?:gib|geben sie|vergib) (?:dieser|meiner|dieser|mir|ihr)\b[^.!?\n]{0,30}"
    r"(?:\b(?P<score>\d{1,3}) ?(?:/|von|punkte)|volle punktzahl|hochste)",
    # French
    r"\breponse (?P<position>1|2|a|b) (?:est|gagne|doit)\b[^.!?\n]{0,30}(?:meilleure|superieure|gagn|prefere|choisi)",
    r"\b(?<!\bje )(?:choisi(?:s|r|ssez)|prefere[zr]?|selectionne[zr]?)(?: toujours)? la"
    r" (?P<position>premiere|deuxieme|seconde) reponse\b",
    r"\b(?<!\bje )(?:choisi(?:s|ssez)|prefere[zr]?|selectionne[zr]?|note[zr]?)(?: toujours)? (?:cette|ma) reponse\b",
    r"\b(?:donne[zr]?|attribue[zr]?)(?:-lui| a cette reponse| a ma reponse)\b[^.!?\n]{0,30}"
    r"(?:\b(?P<score>\d{1,3}) ?(?:/|sur) ?\d|note maximale|meilleure note)",
    # Spanish
    r"\brespuesta (?P<position>1|2|a|b) (?:es|gana|debe)\b[^.!?\n]{0,30}(?:mejor|superior|gana|preferida|elegida)",
    r"\b(?:elige|elija|escoge|escoja|prefiere|prefiera|selecciona|seleccione)(?: siempre)? la"
    r" (?P<position>primera|segunda) respuesta\b",
    r"\b(?:elige|elija|escoge|escoja|prefiere|prefiera|selecciona|seleccione|puntua|califica)"
    r"(?: siempre)? (?:esta|mi) respuesta\b",
    r"\b(?:da|dale|dele|otorga)\b[^.!?\n]{0,30}(?:\b(?P<score>\d{1,3}) ?(?:/|sobre) ?\d|puntuacion maxima)",
    # Chinese, in simplified and traditional characters
    r"(?:\u56de\u7b54|\u7b54\u6848|\u56de\u590d) ?(?P<position>1|2|\u4e00|\u4e8c|a|b) ?"
    r"(?:\u66f4\u597d|\u6700\u597d|\u66f4\u4f18|\u83b7\u80dc|\u80dc\u51fa|\u8d62)",
    r"(?<!\u6211)(?:\u9009\u62e9|\u9078\u64c7|\u9009|\u8f93\u51fa) ?(?:\u56de\u7b54|\u7b54\u6848|\u56de\u590d) ?"
    r"(?P<position>1|2|\u4e00|\u4e8c|a|b)",
    r"(?<!\u6211)(?:\u9009\u62e9|\u9078\u64c7|\u9009|\u504f\u597d)(?:\u7b2c)(?P<position>\u4e00|\u4e8c)\u4e2a"
    r"(?:\u56de\u7b54|\u7b54\u6848|\u56de\u590d)",
    r"(?<!\u6211)(?:\u9009\u62e9|\u9078\u64c7|\u9009|\u504f\u597d|\u8bc4)(?:\u6211\u7684|\u672c|\u8fd9\u4e2a|\u6b64)"
    r"(?:\u56de\u7b54|\u7b54\u6848|\u56de\u590d)",
    r"(?:\u7ed9|\u7d66|\u6253|\u5f97\u5230)[^\u3002\n]{0,8}(?:(?P<score>\d{1,3}) ?\u5206|\u6ee1\u5206|\u6700\u9ad8\u5206)",
)

_JUDGE = r"(?:judge|grader|evaluator|rater|annotator|marker|scorer)"
_RULES = (
    r"(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|criteria|criterion|"
    r"rubrics?|orders?|commands?|messages?|context)"
)
_WHICH = (
    r"(?:(?:all|any|every|of|the|your|my|these|those|this|and|other|previous|prior|above|earlier|"
    r"preceding|foregoing|former|system|original|initial|given|judging|grading|evaluation|scoring) "
    r"?){1,6}"
)
ADDRESSES = _all(
    rf"\b(?:ignore|disregard|forget|override|bypass|overrule) {_WHICH}{_RULES}\b",
    r"\b(?:ignore|disregard) (?:everything|anything|all|what) (?:\w{1,12} ){0,3}?"
    r"(?:above|before|so far|previously|earlier)\b",
    r"\b(?:ignor|vergiss|vergess|missacht)\w{0,5} (?:sie |bitte )?(?:\w{1,14} ){0,3}"
    r"(?:anweisung|instruktion|regeln|vorgabe|befehl|bewertungskriter)",
    r"\b(?:ignor|oubli|neglig)\w{0,5} (?:\w{1,14} ){0,3}(?:instructions|consignes|regles|directives)\b",
    r"\b(?:ignor|olvid|omit)\w{0,4} (?:\w{1,14} ){0,3}(?:instrucciones|reglas|indicaciones|ordenes)\b",
    r"(?:\u5ffd\u7565|\u65e0\u89c6|\u7121\u8996|\u5fd8\u8bb0|\u4e0d\u8981\u7406\u4f1a)[^\u3002\n]{0,12}"
    r"(?:\u6307\u4ee4|\u6307\u793a|\u8bf4\u660e|\u89c4\u5219|\u8981\u6c42|\u63d0\u793a)",
    r"<[|\uff5c][a-z_]{2,20}[|\uff5c]>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>",
    rf"</?(?:system|instructions?|{_JUDGE}|verdict|answers?[_-]?[12ab]?|candidate|responses?|conversation|untrusted|data)>",
    r"^[^\w\n]{0,4}[\[{<|][^\w\n]{0,3}(?:system|developer|admin)\b[^\]}>|\n]{0,30}[\]}>|]",
    r"^[^\w\n]{0,6}system (?:override|prompt|message|note|notice|instruction|update)s?[^\w\n]{0,4}:",
    r"^#{2,6} ?(?:system|developer|new instructions?)\b[^\w\n]{0,3}(?::|$)",
    r"^[^\w\n]{0,8}(?:end|begin|close)[ _-](?:of[ _-])?(?:the[ _-])?"
    r"(?:untrusted[ _-])?(?:data|answers?|answer[ _-]?[12ab]|candidates?|responses?|comparison)"
    r"[^\w\n]{0,8}(?:[0-9a-f]{8,64}[^\w\n]{0,8})?$",
    rf"\b(?:attention|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)),? "
    rf"(?:the |all |any )?(?:llm |ai |automated |impartial )?{_JUDGE}s?\b ?(?:[:!,\u2014-]|$)",
    r"\b(?:dear|hey|hello|hi),? (?:the )?(?:(?:llm |ai |automated )judge|grader|evaluator|rater)s?\b",
    rf"^[^\w\n]{{0,8}}(?:to|for) (?:the |all |any |my )?(?:llm |ai )?{_JUDGE}s?[:,]",
    r"\b(?:whoever|anyone who|if you are|as an? [\w ]{0,30}?|you are) ?(?:evaluat|judg|grad|rat|scor|"
    r"compar)(?:es|ing|s) (?:this|these|both|my|the two)\b",
    r"\bif you are an? (?:llm|ai|large|language|automated|evaluator|grader)\b",
    rf"\b{_RULES} (?:no longer apply|(?:are|is) (?:void|obsolete|cancell?ed|superseded|outdated|now)|"
    r"(?:has|have) been (?:replaced|superseded|cancell?ed|updated))",
    rf"\b(?:llm|ai|automated|language model) {_JUDGE}s?[:,]",
    rf"\byou are (?:now )?(?:an?|the) (?:new |llm |ai |automated |impartial |fair |strict |helpful )"
    rf"{{1,2}}{_JUDGE}\b",
    rf"\b(?:the|every|any|each) {_JUDGE} (?:must|should|shall|has to|is to|is required to|is instructed"
    r" to) (?:always |only )?(?:choose|prefer|output|rate|score|give|select|pick|return|ignore|award)",
    rf"\b(?:scores?|ratings?|evaluations?|grades?) (?:of|for) (?:this|my) {_ANSWER}\b",
    rf"\b(?:new|updated|revised|changed) (?:judging|grading|scoring|evaluation) {_RULES}\b",
    rf"\b(?:judging|grading|scoring|evaluation) {_RULES} (?:has|have) (?:changed|been)\b",
)
"""Turning to the judge, or to the machinery around it, without saying what the outcome is to be."""

POSITIONS = {
    **dict.fromkeys(
        ("1", "one", "a", "first", "eins", "erste", "premiere", "primera", "\u4e00"), "1"
    ),
    **dict.fromkeys(
        ("2", "two", "b", "second", "zwei", "zweite", "deuxieme", "seconde", "segunda", "\u4e8c"),
        "2",
    ),
    **dict.fromkeys(("tie", "tied"), "tie"),
}
"""What the ways to name a position stand for."""
