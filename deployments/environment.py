"""Settings that must stand in the environment before Prefect and Hugging Face are imported."""

import logging
import os

DEFAULTS = {
    # The embedded API of `prefline run` needs longer than Prefect's 20 s on a busy machine.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # What the stages themselves log, such as where a training goes on, is part of a run's log.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks",
    # No usage data leaves the machine unless its user says otherwise.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Forked data workers and tokenizer threads do not mix; batches are small here.
    "TOKENIZERS_PARALLELISM": "false",
    # A thread of torch that waits by spinning takes the core from the one that it waits for: on busy
    # cores training took 836 s instead of 63 s.
    "GOMP_SPINCOUNT": "1000",
}


def set_defaults() -> None:
    """Set each default that the user's environment does not set, and let the stages log."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("tasks").setLevel(logging.INFO)
