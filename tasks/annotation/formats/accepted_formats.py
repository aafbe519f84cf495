"""Which files of comparisons can be read, told with an example line of each."""

from pathlib import Path

from storage.input_error import InputError

EXAMPLES = {
    "JSONL": '{"prompt": "Why is the sky blue?", "responses": ["Air scatters it.", "It is paint."]}',
    "CSV": 'prompt,response_1,response_2\\nWhy?,"Because.","No idea."',
    "Label Studio": '[{"data": {"prompt": "Why?", "response_1": "Because.", "response_2": "No idea."}, '
    '"annotations": []}]',
    "Argilla": '[{"fields": {"prompt": "Why?", "response_1": "Because.", "response_2": "No idea."}, '
    '"responses": {}}]',
}


def unreadable(path: Path, why: str) -> InputError:
    """Return the error for a file that is in none of the formats; it shows a line of each."""
    shown = "\n".join(f"  {name}: {example}" for name, example in EXAMPLES.items())
    return InputError(
        f"{str(path)!r} cannot be read as comparisons ({why}); write it in one of these formats, packed "
        f"with gzip or not:\n{shown}"
    )
