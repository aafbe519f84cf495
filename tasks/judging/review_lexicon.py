"""The phrases of generated reviews that carry sentiment, and how they combine.

The generator writes with them and the oracle reads with them, so both share one meaning. A word
has one polarity wherever it stands; only a negator turns it around, and only a contrast or a
verdict outweighs it.
"""

from dataclasses import dataclass
from typing import Literal

Polarity = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Sides:
    """Phrases that praise and phrases that blame."""

    praise: tuple[str, ...]
    blame: tuple[str, ...]

    def of(self, polarity: Polarity) -> tuple[str, ...]:
        """Return the phrases of one polarity."""
        return self.praise if polarity > 0 else self.blame

    def __add__(self, other: "Sides") -> "Sides":
        """Return the phrases of both."""
        return Sides(self.praise + other.praise, self.blame + other.blame)


@dataclass(frozen=True, slots=True)
class Aspect:
    """A part of the reviewed thing and the predicates that suit it."""

    name: str
    predicates: Sides
    plural: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """All that can be said of one kind of thing, by strength.

    Reactions and verdicts are whole clauses. A verdict decides a review, whatever else it says.
    """

    aspects: tuple[Aspect, ...]
    strong: Sides
    plain: Sides
    faint: Sides
    verdicts: Sides
    faint_verdicts: Sides


def _aspect(name: str, praise: str, blame: str, *, plural: bool = False) -> Aspect:
    return Aspect(name, Sides(_split(praise), _split(blame)), plural)


def _split(phrases: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in phrases.split(","))


FILM = Domain(
    aspects=(
        _aspect(
            "the acting",
            "superb, natural, convincing, full of warmth",
            "wooden, stiff, flat, unconvincing",
        ),
        _aspect(
            "the plot",
            "gripping, clever, full of surprises",
            "thin, predictable, full of holes, confusing",
        ),
        _aspect(
            "the story",
            "moving, gripping, told with care",
            "dull, thin, confusing, hard to believe",
        ),
        _aspect("the dialogue", "sharp, witty, natural", "clumsy, flat, lifeless"),
        _aspect(
            "the ending",
            "satisfying, moving, perfect, worth the wait",
            "rushed, silly, predictable, flat",
        ),
        _aspect("the music", "lovely, haunting, perfect", "too loud, annoying, out of place"),
        _aspect("the pace", "brisk, just right, perfect", "too slow, uneven, tedious"),
        _aspect("the camera work", "beautiful, stunning", "shaky, dull, confusing"),
        _aspect("the script", "sharp, clever, witty", "lazy, clumsy, predictable"),
        _aspect("the cast", "charming, wonderful, on top form", "miscast, wooden, out of place"),
        _aspect(
            "the lead actor", "brilliant, charming, convincing", "wooden, miscast, hard to watch"
        ),
        _aspect("the first half", "great fun, gripping, brisk", "tedious, too slow, confusing"),
        _aspect("the second half", "great fun, gripping, moving", "tedious, too slow, silly"),
        _aspect("the jokes", "funny, clever, well timed", "stale, silly, lazy", plural=True),
        _aspect("the action scenes", "thrilling, well timed, stunning", "dull, silly", plural=True),
        _aspect(
            "the characters",
            "likeable, believable, charming",
            "shallow, annoying, hard to believe",
            plural=True,
        ),
        _aspect(
            "the costumes", "beautiful, stunning, lovely", "cheap, silly, out of place", plural=True
        ),
    ),
    strong=Sides(
        praise=(
            "I loved every minute of it",
            "it is one of the best things I have seen this year",
            "we could not stop talking about it",
        ),
        blame=(
            "I hated every minute of it",
            "it is one of the worst things I have seen this year",
            "we could not wait for it to end",
        ),
    ),
    plain=Sides(
        praise=(
            "it kept me smiling to the end",
            "I laughed out loud more than once",
            "it held my attention from the first scene",
            "I cared about every character",
            "the two hours flew by",
            "it stayed with me for days",
            "I was hooked within minutes",
            "it makes the most of a good idea",
        ),
        blame=(
            "it sent me to sleep before the end",
            "I checked my watch more than once",
            "it lost my attention after the first scene",
            "I did not care about any character",
            "the two hours felt like four",
            "we gave up after an hour",
            "I was bored within minutes",
            "it wastes a good idea",
        ),
    ),
    faint=Sides(
        praise=(
            "it passes the time",
            "I did not mind it",
            "it is decent enough",
            "it is not bad at all",
            "it is perfectly passable",
            "there are worse ways to spend an evening",
        ),
        blame=(
            "it is nothing special",
            "I expected a little more",
            "it left no real impression",
            "it is not very good",
            "it is barely passable",
            "there are better ways to spend an evening",
        ),
    ),
    verdicts=Sides(
        praise=(
            "I would happily watch it again",
            "I recommend it to anyone",
            "it deserves to be seen",
            "overall, it is well worth your evening",
            "I am glad we saw it",
            "all in all, it is a good film",
            "in the end, it won me over",
        ),
        blame=(
            "I would not watch it again",
            "I cannot recommend it to anyone",
            "it is best avoided",
            "overall, it is not worth your evening",
            "I am sorry we saw it",
            "all in all, it is a poor film",
            "in the end, it lost me",
        ),
    ),
    faint_verdicts=Sides(
        praise=("I would probably watch it again", "I am fairly happy that I saw it"),
        blame=("I would probably not watch it again", "I am not sure why I saw it"),
    ),
)
"""What reviews say of films."""

_GOODS_ASPECTS = (
    _aspect("the build quality", "excellent, solid, impressive", "poor, shoddy"),
    _aspect("the design", "elegant, clever, practical", "clumsy, ugly, impractical"),
    _aspect("the finish", "flawless, smooth, lovely", "rough, cheap, uneven"),
    _aspect("the price", "fair, reasonable, just right", "too high, hard to justify"),
    _aspect("the delivery", "quick, reliable, free of trouble", "too slow, unreliable"),
    _aspect("the packaging", "neat, sturdy, practical", "flimsy, ugly, impractical"),
    _aspect("the customer service", "helpful, friendly, quick", "rude, useless, too slow"),
    _aspect("the size", "just right, practical, perfect", "awkward, impractical"),
    _aspect("the colour", "lovely, perfect, elegant", "dull, ugly, cheap"),
)
_MANUAL = _aspect("the manual", "clear, helpful, easy to follow", "confusing, useless")
_GOODS_VERDICTS = Sides(
    praise=(
        "I would happily buy it again",
        "I recommend it to anyone",
        "it is worth every penny",
        "overall, I am very happy with it",
        "I am glad I bought it",
        "all in all, it is a good buy",
        "I am keeping it",
    ),
    blame=(
        "I would not buy it again",
        "I cannot recommend it to anyone",
        "it is not worth the money",
        "overall, I am not happy with it",
        "I am sorry I bought it",
        "all in all, it is a poor buy",
        "I am sending it back",
    ),
)
_GOODS_PLAIN = Sides(
    praise=(
        "it still looks like new",
        "it does its job without any fuss",
        "I use it all the time",
        "it feels made to last",
        "it has made my life easier",
        "it arrived without a scratch",
    ),
    blame=(
        "it already looks worn",
        "it broke within a month",
        "I no longer use it",
        "it feels like a toy",
        "it has made nothing easier",
        "it arrived with a missing part",
    ),
)
_GOODS_FAINT = Sides(
    praise=(
        "it does the job",
        "I have no real complaints",
        "it is good enough for the price",
        "it is not bad at all",
        "it is perfectly usable",
    ),
    blame=(
        "it barely does the job",
        "I have a few complaints",
        "it is not good enough for the price",
        "it is nothing special",
        "it is barely usable",
    ),
)
_DEVICE_PLAIN = Sides(
    praise=(
        "it works exactly as promised",
        "it was ready to use in minutes",
        "it saves me a lot of time",
    ),
    blame=(
        "it stopped working after a week",
        "it took hours to set up",
        "it smells of burnt plastic",
    ),
)
_DEVICE_FAINT = Sides(
    praise=("it works well enough",),
    blame=("it only works some of the time",),
)
_NO_MORE = Sides(praise=(), blame=())


def _goods(*aspects: Aspect, plain: Sides = _NO_MORE, faint: Sides = _NO_MORE) -> Domain:
    return Domain(
        aspects=_GOODS_ASPECTS + aspects,
        strong=Sides(
            praise=(
                "I love everything about it",
                "it is the best one I have ever owned",
                "I could not be happier with it",
            ),
            blame=(
                "I hate everything about it",
                "it is the worst one I have ever owned",
                "I could not be less happy with it",
            ),
        ),
        plain=_GOODS_PLAIN + plain,
        faint=_GOODS_FAINT + faint,
        verdicts=_GOODS_VERDICTS,
        faint_verdicts=Sides(
            praise=("I would probably buy it again", "I am fairly happy that I bought it"),
            blame=("I would probably not buy it again", "I am not sure why I bought it"),
        ),
    )


ELECTRONICS = _goods(
    _aspect("the sound", "clear, excellent, impressive", "flat, poor, too loud"),
    _aspect("the battery", "reliable, excellent, impressive", "weak, unreliable, poor"),
    _aspect("the buttons", "easy to use, smooth", "stiff, awkward, flimsy", plural=True),
    _MANUAL,
    plain=_DEVICE_PLAIN,
    faint=_DEVICE_FAINT,
)
KITCHEN = _goods(
    _aspect("the handle", "sturdy, comfortable, solid", "loose, flimsy, awkward"),
    _aspect("the lid", "solid, easy to use, sturdy", "loose, flimsy, stiff"),
    _aspect("the controls", "easy to use, clear, smooth", "confusing, awkward", plural=True),
    _MANUAL,
    plain=_DEVICE_PLAIN,
    faint=_DEVICE_FAINT,
)
OUTDOOR = _goods(
    _aspect("the fabric", "soft, sturdy, comfortable", "thin, rough, flimsy"),
    _aspect("the zips", "smooth, sturdy, reliable", "stiff, flimsy, unreliable", plural=True),
    _aspect("the seams", "neat, sturdy, flawless", "loose, uneven, weak", plural=True),
)
FURNITURE = _goods(
    _aspect("the frame", "solid, sturdy, elegant", "flimsy, weak, uneven"),
    _aspect("the screws", "solid, well placed", "loose, weak, out of place", plural=True),
    _aspect("the assembly", "quick, free of trouble", "tedious, confusing, too slow"),
)
DOMAINS = (FILM, ELECTRONICS, KITCHEN, OUTDOOR, FURNITURE)

ABSOLUTE = frozenset(
    ("superb", "perfect", "excellent", "flawless", "stunning", "brilliant", "wonderful", "miscast")
)
"""Predicates that are not graded: nobody is a little perfect."""
INTENSIFIERS = ("really", "truly", "surprisingly")
SOFTENERS = Sides(praise=("fairly", "quite", "reasonably"), blame=("a little", "a bit", "rather"))
NEGATORS = Sides(
    praise=("never", "far from", "anything but", "not at all"),
    blame=("not exactly", "not particularly", "hardly", "far from", "anything but"),
)
"""What turns the opposite predicate into the polarity under which it stands here."""
LEADING_CONCESSIONS = ("although", "even though", "while")
"""`Although A, B`: A does not count."""
TRAILING_CONCESSIONS = ("even if", "although", "even though")
"""`B, even if A`: A does not count."""
TURNS = ("but", "yet")
"""`A, but B`: A does not count."""
OVERRIDES = ("still", "even so", "that said", "however")
"""`A. Still, B.`: nothing before it counts."""
