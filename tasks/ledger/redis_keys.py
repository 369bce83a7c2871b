"""Names of the ledger's keys and channels in Redis: this is the one place where they are written.

A name is `PREFIX`, a word, and what it is of. Scripts call them as `job_key(id)` or `control_channel(model)`:
`tasks/ledger/scripts.py` makes these functions from this table.

No two names meet, whatever their parts are. Parts are divided by colons, and a colon within a part is written `%3A`;
the last part needs no such care. Where another name goes on after the same word, as `files:old` beside
`files:{owner}`, a part that would be that name has a `%` before it. Parts as owners, models and workers have them today
are written as they are, so the names are those of the releases before.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "caravan:"


@dataclass(frozen=True, slots=True)
class Name:
    """Names that begin with one word; how many parts follow it, and what each is.

    `taken` is what other names have in the place of the one part: the second halves of words with a colon.
    """

    word: str
    parts: tuple[str, ...] = ()
    taken: frozenset[str] = frozenset()

    def __call__(self, *parts: str) -> str:
        if len(parts) != len(self.parts):
            raise TypeError(f"a '{self.word}' is named by {self.parts}, not by {parts}")
        if self.taken:
            written = tuple(f"%{part}" if part in self.taken or part.startswith("%") else part for part in parts)
        else:
            written = (*map(_without_colons, parts[:-1]), *parts[-1:])
        return ":".join((PREFIX + self.word, *written))


def _without_colons(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A")


def _name(word: str, *parts: str, taken: tuple[str, ...] = ()) -> Name:
    return Name(word, parts, frozenset(taken))


# A job, and what it has had.
job = _name("job", "id")
log = _name("log", "id")
event_channel = _name("tok", "id")
end_channel = _name("end", "id")
"""For those who wait for a job's end and read none of its tokens."""
idempotency = _name("idem", "owner", "key")
conversation = _name("conv", "owner", "digest")
answer = _name("answer", "owner", "digest")
"""The job whose answer is that of each request that asks the same: `tasks/ledger/lua/lib/answers.lua`."""

# Jobs of a model that have not ended: all, those in the line, published, and running ones.
pending = _name("pend", "model")
due = _name("due", "model")
queued_by_priority = _name("queued", "model")
published = _name("out", "model")
running = _name("run", "model")
tokenless = _name("tokenless", "model")
"""Running jobs that have a slot and no token under their claim."""
giving_way = _name("yield", "model")
slotless = _name("small", "model")
delayed = _name("delayed")

# The line: who waits, whose jobs wait, and what owners have had.
waiting_owners = _name("wait", "model", "line")
lane = _name("lane", "model", "line", "owner")
lane_counts = _name("lanes", "model")
fair_share = _name("fair", "model", "line")
owners_begun = _name("begun", "model")

# An owner's jobs, and jobs that have ended.
owned = _name("jobs", "owner")
in_flight = _name("live", "owner")
ended = _name("ended")
results = _name("results", "owner")
"""An owner's ended jobs, by when they may be removed early."""
result_bytes = _name("resultbytes", "owner")
"""What they take of Redis: `tasks/ledger/lua/lib/results.lua`."""
thinning = _name("thinning")
dead_letters = _name("dlq", "model")

# A model's workers, and whether it can be served.
workers = _name("workers", "model")
worker = _name("worker", "name")
crew = _name("crew", "model")
"""Sums of what the model's live workers have: `tasks/ledger/lua/lib/crew.lua`."""
counted = _name("counted", "model")
"""What each worker adds to these sums."""
held = _name("held", "worker")
"""Jobs that a worker runs."""
trial = _name("trial", "worker")
starts = _name("starts", "model")
"""What each worker that does not serve yet said of its start."""
ready = _name("ready", "model")
computes = _name("computes", "model")
"""A digest of all that decides the model's answers, as the last worker told it; only where answers are kept."""
trouble = _name("trouble", "model")
"""Jobs that workers died of while they ran nothing else, since a job of the model had a first token."""
patience = _name("patience", "model")
queue_state = _name("state", "model")
models = _name("models")
"""All that a job was ever accepted for: a model may leave the catalogue before its jobs have ended."""
missing = _name("missing")
"""Models with jobs that the catalogue does not have, by since when."""
wanted = _name("want", "model")
"""A set with one member, and not a string: what scales by it counts members (KEDA knows no strings)."""
control_channel = _name("bell", "model")
asked = _name("asked", "model")
"""What somebody has asked for by name, for a minute: `load` or `unload`, and when."""
supply = _name("supply", "model")
"""What whoever starts workers says of a model."""
decisions = _name("decisions")
"""The last workers that were started and stopped, and why."""

# Figures.
totals = _name("totals", "model")
counters = _name("counters", "model")
histograms = _name("histograms", "model")
webhooks = _name("webhooks")
traced = _name("traced")
"""Transitions of jobs that traces tell of, until a process exports them."""

# Deliveries of webhooks.
hook = _name("hook", "id")
receivers = _name("hooks")
receiver = _name("hooks", "origin", taken=("out", "pending"))
hook_secret = _name("hooksecret", "owner")
"""How often an owner's secret was replaced, until when those before sign, and which was shown."""
webhooks_published = _name("hooks:out")
webhooks_pending = _name("hooks:pending")

# Files and batches.
file = _name("file", "id")
files = _name("files", "owner", taken=("old",))
old_files = _name("files:old")
"""Files by when they expire."""
uploads = _name("uploads")
stored = _name("stored", "owner")
all_stored = _name("storage")
recounted = _name("recounted", "owner")
batch = _name("batch", "id")
batches = _name("batches", "owner")
waiting_batches = _name("bulk:line")
held_batches = _name("bulk:held")
old_batches = _name("bulk:old")
"""Batches that have ended, by when they are forgotten."""

# API keys, and what belongs to no job.
key = _name("key", "digest")
keys = _name("keys")
session = _name("session", "digest")
"""A browser's, under the digest of its token."""
sessions = _name("sessions", "key_id")
"""The digests of a key's sessions, the last one first."""
rate = _name("rate", "kind", "whose")
"""A window of a limit a minute: of a key, by its id, or of all keys together, `*`."""
streams = _name("streams", "owner")
all_streams = _name("streaming")
probe = _name("probe", "id")
sweep_leader = _name("leader:sweep")
reloads = _name("reloads")
"""How often somebody has asked for the models files to be read again."""
hub_channel = _name("hub")
nothing = _name("nothing")
"""Never there: to delete it is a write that a Redis whose memory is full does not refuse."""

NAMES = {name: value for name, value in vars().items() if isinstance(value, Name)}
"""All of them, by what they are called here."""
