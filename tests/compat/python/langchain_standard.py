"""The tests that LangChain has for integrations, of chats and of vectors, for a server whose address is `CARAVAN_URL`.

The model `demo` answers. Where a test wants calls of tools that it does not know, `scripted` does, which says what
tests/compat/test_langchain_standard.py has for it.
"""

import os
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_ollama import ChatOllama, OllamaEmbeddings
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

URL = os.environ["CARAVAN_URL"]
V1 = {"base_url": f"{URL}/v1", "api_key": "none", "max_retries": 0}
ANTHROPIC = {"base_url": URL, "api_key": "none", "max_retries": 0}


def unable(reason: str) -> Any:
    """A test whose model is not up to it, which no server can mend."""
    return pytest.mark.xfail(reason=f"the demo model {reason}", strict=True)


class Chats(ChatModelIntegrationTests):
    model_override_value = "scripted"
    has_tool_choice = True
    of_scripted: tuple[str, ...] = (
        "test_agent_loop",
        "test_tool_calling",
        "test_tool_calling_async",
    )

    @pytest.fixture
    def model(self, request: pytest.FixtureRequest) -> BaseChatModel:
        scripted = request.node.originalname in self.of_scripted
        self.has_tool_choice = self.has_tool_choice and not scripted  # it cannot be made to call
        own = {"model": "scripted"} if scripted else {}
        return self.chat_model_class(**{**self.chat_model_params, **own, **(getattr(request, "param", None) or {})})


class ChatsWithJson(Chats):
    supports_json_mode = True

    @unable("does not follow a schema that only the prompt has")
    def test_json_mode(self, model: BaseChatModel) -> None:
        super().test_json_mode(model)


class TestOpenAI(ChatsWithJson):
    chat_model_class = ChatOpenAI
    chat_model_params = {**V1, "model": "demo", "temperature": 0, "max_tokens": 200, "stream_usage": True}

    @unable("writes nonsense into a text that it is made to write")
    def test_tool_choice(self, model: BaseChatModel) -> None:
        super().test_tool_choice(model)

    @unable("writes nonsense into a text that it is made to write")
    def test_unicode_tool_call_integration(self, model: BaseChatModel) -> None:
        super().test_unicode_tool_call_integration(model)


class TestResponses(TestOpenAI):
    chat_model_params = {**V1, "model": "demo", "temperature": 0, "max_tokens": 200, "use_responses_api": True}


class TestAnthropic(Chats):
    chat_model_class = ChatAnthropic
    chat_model_params = {**ANTHROPIC, "model": "demo", "temperature": 0, "max_tokens": 200}

    @unable("writes nonsense into a text that it is made to write")
    def test_unicode_tool_call_integration(self, model: BaseChatModel) -> None:
        super().test_unicode_tool_call_integration(model)


class TestOllama(ChatsWithJson):
    chat_model_class = ChatOllama
    chat_model_params = {"base_url": URL, "model": "demo", "temperature": 0, "num_predict": 200}
    has_tool_choice = False  # Ollama's interface has none
    of_scripted = (
        *Chats.of_scripted,
        "test_bind_runnables_as_tools",
        "test_tool_calling_with_no_arguments",
        "test_unicode_tool_call_integration",
    )


class TestOpenAIEmbeddings(EmbeddingsIntegrationTests):
    embeddings_class = OpenAIEmbeddings
    embedding_model_params = {**V1, "model": "vectors", "check_embedding_ctx_length": False}


class TestOllamaEmbeddings(EmbeddingsIntegrationTests):
    embeddings_class = OllamaEmbeddings
    embedding_model_params = {"base_url": URL, "model": "vectors"}
