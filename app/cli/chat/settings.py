"""What ``/set`` and ``--set`` take: names of sampling parameters, and their values (pure)."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from tasks.texts import nearest, shown

TEXTS = ("stop", "grammar", "priority")
"""Those whose value may be a text without quotation marks."""
NAMES = (
    "max_tokens", "temperature", "top_k", "top_p", "min_p", "typical_p", "top_n_sigma", "seed", "repeat_penalty",
    "presence_penalty", "frequency_penalty", "repeat_last_n", "dry_multiplier", "dry_base", "dry_allowed_length",
    "dry_penalty_last_n", "xtc_probability", "xtc_threshold", "dynatemp_range", "dynatemp_exponent", "logit_bias",
    "json_schema", "response_format", "ignore_eos", *TEXTS,
)  # fmt: skip
"""Fields of ``POST /jobs`` that may be set; docs/jobs.md has their meanings and limits, which the server checks."""


class NotSettable(ValueError):
    """Raised when a name is no setting's, or a value is none at all. The message says what would do."""


def check_name(name: str) -> None:
    """Raises NotSettable, with the nearest name, if there is no such setting."""
    if name not in NAMES:
        near = nearest(name, NAMES)
        hint = f"Did you mean {near}?" if near else f"There are {', '.join(NAMES)}."
        raise NotSettable(f"There is no setting '{shown(name)}'. {hint}")


def read(name: str, text: str) -> Any:
    """The value of a setting. Raises NotSettable."""
    check_name(name)
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()  # a number or a text that no body can hold
    except ValueError as exc:
        if name in TEXTS:
            return text
        kind = "a number, true or false, or a list or an object of JSON"
        raise NotSettable(f"The value of {name} is {kind}; '{shown(text)}' is none.") from exc
    return text if name in TEXTS and not isinstance(value, str | list) else value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
