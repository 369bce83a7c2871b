"""The bodies of Ollama's calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar

from pydantic import Field

from app.bodies.job import JobBody
from app.bodies.part import Part
from app.bodies.tools import Tools
from app.bodies.unused import UNUSED, Unused
from app.bodies.validation import validate
from app.endpoints.ollama import memory
from app.endpoints.ollama.fields import Format, KeepAlive, Think, texts, unloads
from app.endpoints.ollama.messages import PastMessage, as_openai, refuse_images
from app.endpoints.ollama.options import Options
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.completion_body import CompletionBody
from app.endpoints.openai.embedding_body import MOST_INPUTS, EmbeddingBody
from tasks.errors import InvalidRequest
from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation

MOST_NUMBERS = 1 << 20
_WORDS = {"response_format": "format", "max_tokens": "options.num_predict"}
"""Fields of OpenAI's bodies that are called otherwise here."""


class _Generating(JobBody):
    """What both calls have that generate. They stream unless they are asked not to."""

    stream: bool = True
    format: Format = None
    options: Options = Field(default_factory=Options)
    keep_alive: KeepAlive = None
    think: Think = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    truncate: Annotated[bool | None, Unused(done=False)] = None
    shift: Annotated[bool | None, Unused(done=False)] = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked: the model is to be loaded, or unloaded."""
        raise NotImplementedError

    @property
    def unloads(self) -> bool:
        return unloads(self.keep_alive)

    def _sampled(self) -> dict[str, Any]:
        """The fields that OpenAI's bodies have too."""
        made: dict[str, Any] = {"model": self.model, **self.options.sampling()}
        if self.format is not None:
            made["response_format"] = {"type": "json_schema", "json_schema": {"schema": self.format}}
        return made

    def _chat(self, messages: list[dict[str, Any]], **more: Any) -> ChatBody:
        made = {**self._sampled(), "messages": messages, **more}
        made |= {"logprobs": self.logprobs, "top_logprobs": self.top_logprobs or None}
        if isinstance(self.think, bool):
            made["chat_template_kwargs"] = {"enable_thinking": self.think}
        elif self.think:
            made["reasoning_effort"] = self.think
        return validate(ChatBody, made)


class OllamaChatBody(_Generating):
    """``POST /api/chat``. The last four fields are none of Ollama's: clients send them, and Ollama passes over them."""

    operation: ClassVar[Operation] = Operation.CHAT

    messages: list[PastMessage] = Field(default_factory=list, fail_fast=True)
    tools: Tools | None = None
    tool_choice: Annotated[str | dict[str, Any] | None, Unused(done="auto")] = None
    temperature: Annotated[float | None, UNUSED] = None
    top_p: Annotated[float | None, UNUSED] = None
    max_output_tokens: Annotated[int | None, UNUSED] = None

    @property
    def is_empty(self) -> bool:
        return not self.messages

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        with _in_our_words():
            return self._chat(as_openai(self.messages), tools=self.tools or None).request(entry)


class GenerateBody(_Generating):
    """``POST /api/generate``: the prompt is what a user says, unless it is `raw`."""

    operation: ClassVar[Operation] = Operation.CHAT

    prompt: str = ""
    system: str = ""
    suffix: str = ""
    template: str = ""
    context: list[Annotated[int, Field(ge=0, le=memory.LAST_CHARACTER)]] | None = Field(
        None, max_length=MOST_NUMBERS, fail_fast=True
    )
    raw: bool = False
    images: list[str] | None = None
    width: Annotated[int | None, UNUSED] = None
    height: Annotated[int | None, UNUSED] = None
    steps: Annotated[int | None, UNUSED] = None

    @property
    def is_empty(self) -> bool:
        return not self.prompt

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        self._check()
        said = memory.decode(self.context) if self.context else []
        system = [{"role": "system", "content": self.system}] if self.system else []
        if system:
            said = [message for message in said if message["role"] != "system"]
        with _in_our_words():
            return self._chat([*system, *said, {"role": "user", "content": self.prompt}]).request(entry)

    def _check(self) -> None:
        """Raise InvalidRequest for what no model here does."""
        if self.suffix:
            raise InvalidRequest("suffix: this server's models do not insert. Leave it out.", param="suffix")
        if self.template:
            raise InvalidRequest(
                "template: a model has its own. Leave it out, or render the prompt yourself and send raw: true.",
                param="template",
            )
        if self.images:
            refuse_images("images")


class RawGenerateBody(GenerateBody):
    """``POST /api/generate`` with ``raw``: the prompt goes to the model as it is."""

    operation: ClassVar[Operation] = Operation.COMPLETION

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        self._check()
        for field in ("system", "context"):
            if getattr(self, field):
                raise InvalidRequest(f"raw cannot be combined with {field}.", param=field)
        if self.top_logprobs and not self.logprobs:
            raise InvalidRequest("top_logprobs needs logprobs: true.", param="top_logprobs")
        made = {**self._sampled(), "prompt": self.prompt}
        made.setdefault("max_tokens", -1)
        made["logprobs"] = (self.top_logprobs or 0) if self.logprobs else None
        with _in_our_words():
            return validate(CompletionBody, made).request(entry)


class EmbedBody(JobBody):
    """``POST /api/embed``."""

    operation: ClassVar[Operation] = Operation.EMBEDDING

    input: Annotated[list[str], *texts(MOST_INPUTS)] = Field(default_factory=list)
    dimensions: int | None = Field(None, ge=0)
    truncate: bool = True
    options: Options = Field(default_factory=Options)
    keep_alive: KeepAlive = None

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        made = {"model": self.model, "input": self.input, "dimensions": self.dimensions or None}
        request = validate(EmbeddingBody, made).request(entry)
        return {**request, "truncates": True} if self.truncate else request


class OldEmbeddingBody(JobBody):
    """``POST /api/embeddings``, which Ollama has had before ``/api/embed``."""

    operation: ClassVar[Operation] = Operation.EMBEDDING

    prompt: str = ""
    options: Options = Field(default_factory=Options)
    keep_alive: KeepAlive = None

    def request(self, entry: ModelEntry) -> dict[str, Any]:
        return validate(EmbeddingBody, {"model": self.model, "input": self.prompt}).request(entry)


class ModelBody(Part):
    """A body that names a model. ``name`` is what ``model`` was called once."""

    model: str | None = Field(None, max_length=256)
    name: str | None = Field(None, max_length=256)

    def named(self) -> str:
        """The model's name; raises InvalidRequest if there is none."""
        if not (name := self.model or self.name):
            raise InvalidRequest("This call needs a model.", param="model")
        return name


class ShowBody(ModelBody):
    """``POST /api/show``."""

    verbose: Annotated[bool | None, Unused(done=False)] = None
    system: Annotated[str | None, UNUSED] = None
    template: Annotated[str | None, UNUSED] = None
    options: Annotated[dict[str, Any] | None, UNUSED] = None


class PullBody(ModelBody):
    """``POST /api/pull``."""

    stream: bool = True
    insecure: Annotated[bool | None, Unused(done=False)] = None
    username: Annotated[str | None, UNUSED] = None
    password: Annotated[str | None, UNUSED] = None


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Tell of a field by the name that it has here."""
    try:
        yield
    except InvalidRequest as exc:
        message = exc.message
        for theirs, ours in _WORDS.items():
            message = message.replace(theirs, ours)
        raise InvalidRequest(message, param=_WORDS.get(exc.param or "", exc.param), code=exc.code) from exc
