"""What an operator looks at: the dashboard's rows and panels, and the queries behind them.

Every web process tells the figures of the whole cluster, so each of the ledger's series comes once from each scraped
process. `once` takes the greatest of the same ones; only the figures of the web processes themselves are summed.
"""

from __future__ import annotations

from dataclasses import dataclass

SELECTED = 'namespace=~"$namespace",job=~"$job"'
WINDOW = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression, and what its series are called in the legend."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One graph. `unit` is Grafana's name of it."""

    title: str
    about: str
    unit: str
    queries: tuple[Query, ...]
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


def once(expr: str, *labels: str) -> str:
    """The same series from several processes as one."""
    return f"max by ({', '.join(('namespace', 'job', *labels))}) ({expr})"


def of_model(metric: str, *labels: str, where: str = "") -> str:
    """A gauge of the ledger's, of the chosen models."""
    return once(_select(metric, where), "model", *labels)


def rate_of_model(metric: str, *labels: str, where: str = "") -> str:
    """How much a counter of the ledger's grows a second."""
    return once(f"rate({_select(metric, where)}[{WINDOW}])", "model", *labels)


def quantiles(duration: str, *labels: str) -> tuple[Query, ...]:
    """The median, the 95th and the 99th percentile of a job's duration, over the values of its other labels."""
    rates = rate_of_model(f"caravan_job_{duration}_seconds_bucket", *labels, "le")
    return tuple(
        Query(f"histogram_quantile({share}, sum by (le) ({rates}))", name)
        for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
    )


def by_priority(duration: str) -> tuple[Query, ...]:
    """The 95th percentile of a job's duration for each priority."""
    rates = rate_of_model(f"caravan_job_{duration}_seconds_bucket", "priority", "le")
    return (Query(f"histogram_quantile(0.95, sum by (priority, le) ({rates}))", "{{priority}}"),)


def _select(metric: str, where: str) -> str:
    return f'{metric}{{{SELECTED},model=~"$model"{"," if where else ""}{where}}}'


def _jobs() -> Row:
    ended = rate_of_model("caravan_jobs_total", "status", "priority")
    return Row(
        "Jobs",
        (
            Panel(
                title="Jobs a second",
                about="Accepted, and ended by status. Where more come than end, the line grows.",
                unit="ops",
                queries=(Query(f"sum by (status) ({ended})", "{{status}}"),),
            ),
            Panel(
                title="Jobs that wait",
                about="By priority.",
                unit="short",
                queries=(Query(f"sum by (priority) ({of_model('caravan_queue_depth', 'priority')})", "{{priority}}"),),
                stacked=True,
            ),
            Panel(
                title="Running jobs and slots",
                about="Jobs that workers hold, the slots in use, and the slots that there are.",
                unit="short",
                queries=(
                    Query(f"sum({of_model('caravan_jobs_running')})", "running jobs"),
                    Query(f"sum({of_model('caravan_worker_busy', 'worker')})", "slots in use"),
                    Query(f"sum({of_model('caravan_worker_slots', 'worker')})", "slots"),
                ),
            ),
            Panel(
                title="Age of the oldest job",
                about="Of those that have not ended.",
                unit="s",
                queries=(Query(of_model("caravan_queue_oldest_age_seconds"), "{{model}}"),),
            ),
        ),
    )


def _latency() -> Row:
    return Row(
        "Latency of jobs that succeeded",
        (
            Panel(
                title="Wait for a slot",
                about="The 95th percentile by priority.",
                unit="s",
                queries=by_priority("wait"),
            ),
            Panel(
                title="Time to first token",
                about="From a job's acceptance.",
                unit="s",
                queries=quantiles("first_token"),
            ),
            Panel(
                title="Time between tokens",
                about="The mean of each job.",
                unit="s",
                queries=quantiles("token"),
            ),
            Panel(
                title="Prefill",
                about="From the slot to the first token: the prompt is run.",
                unit="s",
                queries=quantiles("prefill"),
            ),
            Panel(
                title="Total time",
                about="From a job's acceptance until its end.",
                unit="s",
                queries=quantiles("total", "priority"),
            ),
            Panel(
                title="Total time by priority",
                about="The 95th percentile.",
                unit="s",
                queries=by_priority("total"),
            ),
        ),
    )


def _engine() -> Row:
    cells, used = of_model("caravan_worker_cells", "worker"), of_model("caravan_worker_cells_used", "worker")
    steps, sequences = (
        rate_of_model(f"caravan_worker_{figure}_total", "worker") for figure in ("steps", "step_sequences")
    )
    return Row(
        "Workers",
        (
            Panel(
                title="Tokens a second",
                about="Generated, run of prompts, and taken from shared prefixes instead of being run.",
                unit="short",
                queries=tuple(
                    Query(f"sum({rate_of_model(f'caravan_worker_{figure}_tokens_total', 'worker')})", legend)
                    for figure, legend in (("generated", "generated"), ("prompt", "of prompts"), ("cached", "cached"))
                ),
            ),
            Panel(
                title="Tokens of jobs that succeeded, a second",
                about="What was asked and answered. Cached ones are prompt tokens as well.",
                unit="short",
                queries=(Query(f"sum by (kind) ({rate_of_model('caravan_tokens_total', 'kind')})", "{{kind}}"),),
            ),
            Panel(
                title="Batch",
                about="Sequences that get a token in a step, in the mean.",
                unit="short",
                queries=(Query(f"{sequences} / {steps}", "{{worker}}"),),
            ),
            Panel(
                title="KV cache in use",
                about="Prefixes that are kept for others to share included: a full cache is no fault by itself.",
                unit="percentunit",
                queries=(Query(f"{used} / ({cells} > 0)", "{{worker}}"),),
            ),
            Panel(
                title="Share of the time in steps",
                about="Decoding alone, and with tokens of prompts. What is missing to 1 is idle.",
                unit="percentunit",
                queries=tuple(
                    Query(rate_of_model(f"caravan_worker_{kind}_seconds_total", "worker"), "{{worker}}, " + kind)
                    for kind in ("decode", "prefill")
                ),
            ),
            Panel(
                title="Memory of workers",
                about="The most that each has had resident.",
                unit="bytes",
                queries=(Query(of_model("caravan_worker_memory_bytes", "worker"), "{{worker}}"),),
            ),
        ),
    )


def _never_lost() -> Row:
    return Row(
        "Never lost",
        (
            Panel(
                title="Workers that live",
                about="By model.",
                unit="short",
                queries=(Query(of_model("caravan_workers"), "{{model}}"),),
            ),
            Panel(
                title="Jobs that went back to the line, a second",
                about="The first four are deaths of workers, outranked is a preemption.",
                unit="ops",
                queries=(
                    Query(
                        f"sum by (reason) ({rate_of_model('caravan_jobs_given_back_total', 'reason')})", "{{reason}}"
                    ),
                ),
            ),
            Panel(
                title="Jobs taken up again, a second",
                about="At their next token; and messages that nobody claimed, whose jobs went back to the line.",
                unit="ops",
                queries=(
                    Query(f"sum({rate_of_model('caravan_jobs_resumed_total')})", "resumed"),
                    Query(f"sum({rate_of_model('caravan_messages_unclaimed_total')})", "unclaimed"),
                ),
            ),
            Panel(
                title="Dead letters",
                about="Jobs that workers died of, kept until they expire.",
                unit="short",
                queries=(Query(of_model("caravan_dead_letters_kept"), "{{model}}"),),
            ),
            Panel(
                title="Sequences that lost their slots, a second",
                about="Set back because the KV cache was full, and outranked by more urgent ones.",
                unit="ops",
                queries=tuple(
                    Query(f"sum({rate_of_model(f'caravan_worker_{figure}_total', 'worker')})", legend)
                    for figure, legend in (("set_back", "set back"), ("outranked", "outranked"))
                ),
            ),
            Panel(
                title="Queues that are closed",
                about="1 while a queue is paused or draining.",
                unit="short",
                queries=(Query(f"1 - {of_model('caravan_queue_open')}", "{{model}}"),),
            ),
        ),
    )


def _front() -> Row:
    requests = f"rate(caravan_http_requests_total{{{SELECTED}}}[{WINDOW}])"
    seconds = f"rate(caravan_http_request_seconds_bucket{{{SELECTED}}}[{WINDOW}])"
    return Row(
        "Web front",
        (
            Panel(
                title="Requests a second",
                about="By status.",
                unit="reqps",
                queries=(Query(f"sum by (status) ({requests})", "{{status}}"),),
            ),
            Panel(
                title="Time to the answer's headers",
                about="The 95th percentile by route. Calls that wait for a job take as long as the job.",
                unit="s",
                queries=(Query(f"histogram_quantile(0.95, sum by (route, le) ({seconds}))", "{{route}}"),),
            ),
            Panel(
                title="Memory of the web processes",
                about="The most that each has had resident, summed over those of one parent.",
                unit="bytes",
                queries=(Query(f"caravan_web_memory_bytes{{{SELECTED}}}", "{{instance}}"),),
            ),
        ),
    )


def _redis() -> Row:
    errors = f"rate(caravan_redis_errors_total{{{SELECTED}}}[{WINDOW}])"
    return Row(
        "Redis and webhooks",
        (
            Panel(
                title="Memory of Redis",
                about="And what it may use; 0 is no limit.",
                unit="bytes",
                queries=(
                    Query(once(f"caravan_redis_memory_bytes{{{SELECTED}}}"), "used"),
                    Query(once(f"caravan_redis_memory_limit_bytes{{{SELECTED}}}"), "limit"),
                ),
            ),
            Panel(
                title="Calls that Redis did not carry out, a second",
                about="It was away, or refused them.",
                unit="ops",
                queries=(
                    Query(f"sum({errors})", "web"),
                    Query(f"sum({rate_of_model('caravan_worker_redis_errors_total', 'worker')})", "workers"),
                ),
            ),
            Panel(
                title="Redis answers",
                about="1 if the ledger answered the scrape.",
                unit="short",
                queries=(Query(f"caravan_redis_up{{{SELECTED}}}", "{{instance}}"),),
            ),
            Panel(
                title="Webhooks to be delivered",
                about="First attempts, and those that are tried again.",
                unit="short",
                queries=(Query(once(f"caravan_webhooks_pending{{{SELECTED}}}"), "pending"),),
            ),
            Panel(
                title="Attempts to deliver a webhook, a second",
                about="By what came of them.",
                unit="ops",
                queries=(
                    Query(
                        once(f"rate(caravan_webhook_attempts_total{{{SELECTED}}}[{WINDOW}])", "result"), "{{result}}"
                    ),
                ),
            ),
            Panel(
                title="Webhooks delivered and given up, a second",
                about="A webhook that is given up was tried for three days, or the receiver said that it is gone.",
                unit="ops",
                queries=(
                    Query(once(f"rate(caravan_webhooks_total{{{SELECTED}}}[{WINDOW}])", "verdict"), "{{verdict}}"),
                ),
            ),
        ),
    )


def rows() -> tuple[Row, ...]:
    """The whole dashboard."""
    return (_jobs(), _latency(), _engine(), _never_lost(), _front(), _redis())
