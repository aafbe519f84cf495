"""How generated reviews begin: who tried what, when and why, without a word of praise or blame."""

from dataclasses import dataclass

from tasks.judging.review_lexicon import (
    ELECTRONICS,
    FILM,
    FURNITURE,
    KITCHEN,
    OUTDOOR,
    Domain,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of reviewed thing.

    `openings` are sentences without their full stop; a name in braces is filled from `slots`, where
    `noun` is the thing itself and stays the same throughout a review.
    """

    domain: Domain
    nouns: tuple[str, ...]
    openings: tuple[str, ...]
    slots: dict[str, tuple[str, ...]]


_PEOPLE = (
    "my sister",
    "my brother",
    "my wife",
    "my husband",
    "my daughter",
    "my son",
    "my mother",
    "my father",
    "my neighbour",
    "a friend",
    "a colleague",
    "my cousin",
)
_FILM_SLOTS = {
    "person": _PEOPLE,
    "when": (
        "last night",
        "last weekend",
        "on Friday",
        "on a rainy Sunday",
        "a month ago",
        "over the holidays",
        "in the summer",
        "after work",
        "on my day off",
    ),
    "where": (
        "at the cinema",
        "at home",
        "on television",
        "at a small festival",
        "on my laptop",
        "in a full theatre",
        "at the film club",
        "on a long flight",
    ),
    "topic": (
        "two brothers",
        "a lost letter",
        "a bank robbery",
        "a small village",
        "a retired detective",
        "a summer by the sea",
        "a missing child",
        "life on a farm",
        "an old friendship",
        "a long road trip",
        "a family secret",
        "a young teacher",
        "a chess player",
        "a lighthouse keeper",
        "a night on a train",
        "a cancelled wedding",
        "a team of doctors",
        "the first winter of the war",
    ),
    "maker": ("a first-time director", "a Danish director", "two young writers", "a former actor"),
}
_FILM_OPENINGS = (
    "I watched this {noun} with {person} {when}",
    "I watched this {noun} {where} {when}",
    "{person} and I saw this {noun} {where} {when}",
    "{person} and I watched this {noun} about {topic} {when}",
    "we saw this {noun} about {topic} {where}",
    "we rented this {noun} {when}",
    "this {noun} tells the story of {topic}",
    "this {noun} by {maker} is about {topic}",
    "{person} picked this {noun} for our film night {when}",
    "{person} told me about this {noun}, so I watched it {when}",
    "{when} I watched this {noun} with {person}",
    "{when} we sat down to a {noun} about {topic}",
    "it is a {noun} about {topic} by {maker}",
    "after reading the book, I watched this {noun} {where}",
    "the trailer made me curious, so I saw this {noun} {when}",
    "having missed it last year, I watched this {noun} {where}",
    "{topic} and {topic} are what this {noun} is about",
    "for a {noun} about {topic} I went out with {person}",
)
_PRODUCT_SLOTS = {
    "person": _PEOPLE,
    "when": (
        "last month",
        "two weeks ago",
        "in the spring",
        "in a sale",
        "before the holidays",
        "half a year ago",
        "in March",
        "after moving house",
        "last winter",
        "a few days ago",
    ),
    "duration": (
        "three weeks",
        "two months",
        "half a year",
        "about a year",
        "a few days",
        "one summer",
    ),
    "use": ("at home", "at work", "every weekend", "in my flat", "almost daily", "on trips"),
    "event": (
        "my birthday",
        "Christmas",
        "our wedding",
        "my new flat",
        "my first job",
        "our holiday home",
        "my retirement",
    ),
    "shop": ("online", "in a small shop", "at the market", "from the maker", "at a big store"),
}
_PRODUCT_OPENINGS = (
    "I bought this {noun} for {person} {when}",
    "I bought this {noun} {shop} {when}",
    "we bought this {noun} for {event}",
    "{person} gave me this {noun} for {event}",
    "{person} and I share this {noun} {use}",
    "{person} chose this {noun} {shop} {when}",
    "we have had this {noun} for {duration}",
    "I have used this {noun} {use} for {duration}",
    "this {noun} replaced the old one that we had for years",
    "this {noun} was a gift from {person} for {event}",
    "this {noun} has been with us for {duration}",
    "{when} I ordered this {noun} {shop}",
    "{when} {person} and I ordered a {noun} for {event}",
    "my old {noun} was ten years old, so I ordered this one {when}",
    "I needed a {noun} for {event} and ordered this one {shop}",
    "after comparing several models, I chose this {noun} {when}",
    "for {event} I wanted a new {noun} and found this one {shop}",
    "having borrowed one from {person}, I bought this {noun} {shop}",
)


def _product(domain: Domain, *nouns: str) -> Subject:
    return Subject(domain, nouns, _PRODUCT_OPENINGS, _PRODUCT_SLOTS)


FILM_SUBJECT = Subject(
    FILM,
    (
        "film",
        "movie",
        "thriller",
        "comedy",
        "drama",
        "western",
        "musical",
        "crime film",
        "war film",
        "romance",
        "mystery",
        "horror film",
    ),
    _FILM_OPENINGS,
    _FILM_SLOTS,
)
PRODUCT_SUBJECTS = (
    _product(ELECTRONICS, "radio", "keyboard", "camera", "speaker", "tablet", "headset"),
    _product(KITCHEN, "kettle", "toaster", "blender", "coffee maker", "rice cooker"),
    _product(OUTDOOR, "backpack", "tent", "jacket", "raincoat", "sleeping bag"),
    _product(FURNITURE, "desk lamp", "desk chair", "folding table", "bookcase", "garden bench"),
)
