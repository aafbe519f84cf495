"""Every table there is, in the order of the stream."""

from typing import Any

from storage.tables.comparisons import COMPARISONS
from storage.tables.completions import COMPLETIONS
from storage.tables.demonstrations import DEMONSTRATIONS
from storage.tables.dispreferred import DISPREFERRED
from storage.tables.estimates import ESTIMATES
from storage.tables.examples import EXAMPLES
from storage.tables.labels import LABELS
from storage.tables.negatives import NEGATIVES
from storage.tables.outcomes import OUTCOMES
from storage.tables.pairs import PAIRS
from storage.tables.policies import POLICIES
from storage.tables.prompts import PROMPTS
from storage.tables.quality import QUALITY
from storage.tables.quarantine import QUARANTINE
from storage.tables.reference_logps import REFERENCE_LOGPS
from storage.tables.scores import SCORES
from storage.tables.spending import SPENDING
from storage.tables.table import Table
from storage.tables.training_steps import TRAINING_STEPS
from storage.tables.verdicts import VERDICTS

ALL_TABLES: tuple[Table[Any], ...] = (
    EXAMPLES,
    PROMPTS,
    DEMONSTRATIONS,
    PAIRS,
    DISPREFERRED,
    QUARANTINE,
    QUALITY,
    COMPLETIONS,
    VERDICTS,
    COMPARISONS,
    LABELS,
    OUTCOMES,
    SPENDING,
    NEGATIVES,
    REFERENCE_LOGPS,
    POLICIES,
    TRAINING_STEPS,
    SCORES,
    ESTIMATES,
)
"""A table that is missing here can be written and read, but has no view in SQL."""
