"""Sets of instructions by name, and from files that users write."""

import difflib
import hashlib
from collections.abc import Hashable, Mapping
from pathlib import Path

import yaml

from storage.input_error import InputError
from tasks.sampling.instructions import BARE, MORAL_TEMPLATES

TEMPLATE_SETS: dict[str, dict[str, str]] = {"none": {BARE: ""}, "moral": MORAL_TEMPLATES}
_HOW = "write one `name: instruction` line for each template"


class _OnceLoader(yaml.SafeLoader):
    """Reads YAML and refuses a key that is there twice, of which YAML would drop one silently."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        """Return the mapping of a node."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(
                    problem=f"the name {key!r} is there twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


def load_templates(name_or_path: str) -> dict[str, str]:
    """Return the instructions of a set by name: `none`, `moral`, or those of a file.

    The file holds `name: instruction` lines (YAML, whatever its ending), in the order in which the
    samples take turns.

    Raises:
        InputError: no such set or file, or a file that holds something else.
    """
    if name_or_path in TEMPLATE_SETS:
        return dict(TEMPLATE_SETS[name_or_path])
    content = _content(name_or_path)
    if not isinstance(content, dict) or not content:
        what = "nothing" if content in ({}, None) else f"a {type(content).__name__}"
        raise InputError(f"templates file {name_or_path!r} holds {what}; {_HOW}")
    templates: dict[str, str] = {}
    for name, instruction in content.items():
        fault = _fault(name, instruction, templates)
        if fault:
            raise InputError(f"templates file {name_or_path!r}: {fault}")
        templates[name] = instruction.strip()
    return templates


def _fault(name: object, instruction: object, earlier: Mapping[str, str]) -> str:
    """Return what is wrong with one line of a file, empty where nothing is."""
    if not isinstance(name, str) or not name.strip():
        return f"the name {name!r} is no text; {_HOW}"
    if not isinstance(instruction, str):
        return f"{name!r} is {instruction!r}, not a text; {_HOW}, in quotes if need be"
    text = instruction.strip()
    if not text:
        return (
            f"{name!r} is empty; leave the line out, and set num_templated to draw the other samples "
            "from the bare prompt"
        )
    twin = next((known for known, other in earlier.items() if other == text), None)
    if twin is not None:  # equal prompts are equal draws, which would count the same sample twice
        return f"{name!r} and {twin!r} are the same instruction; leave one out"
    return ""


def templates_fingerprint(name_or_path: str) -> dict[str, str]:
    """Return the sha256 of a templates file under the name `templates`; nothing for a set.

    Raises:
        InputError: as `load_templates`.
    """
    if name_or_path in TEMPLATE_SETS:
        return {}
    load_templates(name_or_path)
    return {"templates": hashlib.sha256(Path(name_or_path).read_bytes()).hexdigest()}


def _content(name_or_path: str) -> object:
    try:
        text = Path(name_or_path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"templates file {name_or_path!r} is not UTF-8 text; save it as UTF-8"
        ) from None
    except FileNotFoundError:
        raise InputError(_unknown(name_or_path)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"templates file {name_or_path!r} cannot be read ({why}); give a text file"
        ) from None
    try:
        return yaml.load(text, Loader=_OnceLoader)  # noqa: S506  - a SafeLoader
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())
        raise InputError(
            f"templates file {name_or_path!r} is not readable: {why}; {_HOW}, in quotes if it holds "
            "a colon"
        ) from None


def _unknown(name_or_path: str) -> str:
    known = ", ".join(TEMPLATE_SETS)
    close = difflib.get_close_matches(name_or_path.lower(), TEMPLATE_SETS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"templates {name_or_path!r} is neither a set ({known}) nor a file that exists; give one of "
        f"these or the path of a file with `name: instruction` lines.{hint}"
    )
