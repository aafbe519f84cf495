"""How an Argilla dataset has to be set up for comparisons that we export."""

PROMPT, BETTER, WORST, STRENGTH, NOTE = "prompt", "better", "worst", "strength", "note"

ARGILLA_SETTINGS = """\
import argilla as rg

from tasks.annotation.formats.argilla_settings import BETTER, NOTE, PROMPT, STRENGTH, WORST

NUM_ANSWERS = 2
answers = [f"response_{place}" for place in range(1, NUM_ANSWERS + 1)]
settings = rg.Settings(
    fields=[rg.ChatField(PROMPT), *(rg.TextField(name, required=False) for name in answers)],
    questions=[
        rg.LabelQuestion(BETTER, labels=[*answers, "tie", "both_bad", "skip"]),
        rg.LabelQuestion(WORST, labels=answers, required=False),
        rg.LabelQuestion(STRENGTH, labels=["slight", "clear"], required=False),
        rg.TextQuestion(NOTE, required=False),
    ],
    metadata=[rg.TermsMetadataProperty("prefline", visible_for_annotators=False)],
)
dataset = rg.Dataset("comparisons", settings=settings)
dataset.create()
dataset.records.from_json("comparisons.json")
"""
"""Python for Argilla 2 that makes a dataset for an exported file. WORST is for three or more answers.
Who labelled is a UUID there: Argilla takes only responses of its own users, so leave the responses
out or map them first; what people said before is in the metadata in any case."""
