"""What an engine counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class EngineFigures:
    """Counts since the start. Read by other threads, written by the engine's alone."""

    steps: int = 0
    step_sequences: int = 0
    """Sequences that got a token, summed over the steps: divided by `steps` it is the mean batch."""
    prompt_tokens: int = 0
    generated_tokens: int = 0
    drafted_tokens: int = 0
    """Tokens that were guessed and run beside the next one."""
    accepted_tokens: int = 0
    """Those of them that the samplers chose as well."""
    set_back: int = 0
    outranked: int = 0
    """Sequences that gave their slots to more urgent ones."""
    shared_out: int = 0
    """Sequences that gave their slots to owners, or jobs, that had fewer."""
    cached_tokens: int = 0
    """Prompt tokens of finished sequences that were taken from a shared prefix, or from pages."""
    cache_hits: int = 0
    """Sequences whose beginnings came back from pages, beyond the cells."""
    restored_tokens: int = 0
    """Tokens that did, those of sequences that were set back included."""
    cache_pages: int = 0
    cache_bytes: int = 0
    """Of the memory that pages take."""
    cache_folder_bytes: int = 0
    cache_evictions: int = 0
    """Pages that left memory for others."""
    cache_refused: int = 0
    """Files of pages that were not what they should be."""
    queue_seconds: float = 0.0
    """Seconds that sequences waited for a slot."""
    decode_seconds: float = 0.0
    """Seconds in steps without tokens of prompts."""
    prefill_seconds: float = 0.0
    """Seconds in steps with tokens of prompts, those of sequences that decode beside them included."""
    running: int = 0
    waiting: int = 0
    cells_used: int = 0
