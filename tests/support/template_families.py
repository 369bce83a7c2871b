"""The habits of well-known model families' chat templates, as a table, and a small template for each.

No template's text is copied. A family has the shape of its templates: its markers, which messages it takes, and how
it reads contents and calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

System = Literal["any", "first", "only first", "raises", "ignored", "in question"]
Calls = Literal["no", "many", "one", "only first"]
Arguments = Literal["json", "items", "checked", "text", "text or json"]
Content = Literal["text", "parts", "both"]
Thinking = Literal["no", "open", "optional", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the templates of a family do."""

    turn: tuple[str, str] = ("<|im_start|>{role}\n", "<|im_end|>\n")
    """What stands before and after a message."""
    names: tuple[tuple[str, str], ...] = ()
    """Roles that have another name in the prompt."""
    system: System = "any"
    """Which system messages it takes: it "raises", or passes over those that it does not read."""
    alternates: bool = False
    """Whether it refuses two questions or two answers in a row."""
    tools: Literal["no", "yes", "always"] = "yes"
    """Whether it tells the functions; "always" is one that reads them even if there are none."""
    calls: Calls = "many"
    """What it renders of calls; "one" refuses more, "only first" passes them over."""
    arguments: Arguments = "json"
    content: Content = "text"
    calls_want_null: bool = False
    """Whether calls are rendered only where the content is null."""
    short_ids: bool = False
    knows_result: bool = True
    """Whether a message may have the role tool."""
    date: Literal["", "date_string", "datetime", "strftime"] = ""
    thinking: Thinking = "no"


LLAMA_HEADER: Final = ("<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>")
INST: Final = ("[{role}]", "[/{role}]")
GEMMA: Final = ("<start_of_turn>{role}\n", "<end_of_turn>\n")
PIPES: Final = ("<|{role}|>\n", "<|end|>\n")
DEEPSEEK: Final = ("<|{role}|>", "")
MODEL: Final = (("assistant", "model"),)

FAMILIES: Final[dict[str, Family]] = {
    "Llama 2": Family(turn=INST, system="in question", alternates=True, tools="no", calls="no", knows_result=False),
    "Llama 3": Family(turn=LLAMA_HEADER, tools="no", calls="no"),
    "Llama 3.1": Family(turn=LLAMA_HEADER, calls="one", date="date_string"),
    "Llama 3.3": Family(turn=LLAMA_HEADER, calls="one", date="date_string", system="only first"),
    "Llama 4": Family(turn=LLAMA_HEADER, content="both", date="date_string"),
    "Mistral v1": Family(turn=INST, system="raises", alternates=True, tools="no", calls="no", knows_result=False),
    "Mistral v3": Family(turn=INST, system="first", alternates=True, short_ids=True),
    "Mistral Nemo": Family(turn=INST, system="first", alternates=True, short_ids=True),
    "Mistral Small 3": Family(turn=INST, alternates=True, content="both", date="strftime", system="first"),
    "Qwen 2.5": Family(),
    "Qwen 3": Family(arguments="text or json", thinking="optional"),
    "Qwen 3 Coder": Family(arguments="items"),
    "Qwen 3.5": Family(arguments="items", system="first", content="both", thinking="optional"),
    "QwQ": Family(thinking="open"),
    "Gemma 2": Family(
        turn=GEMMA, names=MODEL, system="raises", alternates=True, tools="no", calls="no", knows_result=False
    ),
    "Gemma 3": Family(
        turn=GEMMA, names=MODEL, system="in question", alternates=True, tools="no", calls="no", content="both"
    ),
    "Phi 3": Family(turn=PIPES, tools="no", calls="no"),
    "Phi 4": Family(turn=("<|im_start|>{role}<|im_sep|>", "<|im_end|>"), tools="no", calls="no", system="any"),
    "DeepSeek V2": Family(turn=DEEPSEEK, tools="no", calls="no"),
    "DeepSeek V3": Family(turn=DEEPSEEK, arguments="text", tools="no", calls_want_null=True, system="only first"),
    "DeepSeek R1": Family(
        turn=DEEPSEEK, arguments="text", tools="no", calls_want_null=True, system="only first", thinking="open"
    ),
    "DeepSeek V3.2": Family(turn=DEEPSEEK, arguments="items", thinking="open"),
    "Command R": Family(turn=("<|{role}_TOKEN|>", "<|END_OF_TURN_TOKEN|>"), tools="always"),
    "Granite 3": Family(
        turn=("<|start_of_role|>{role}<|end_of_role|>", "<|end_of_text|>\n"), date="strftime", system="only first"
    ),
    "GLM 4": Family(turn=("<|{role}|>\n", ""), arguments="items", content="both", thinking="optional"),
    "Hermes": Family(tools="always"),
    "ChatML": Family(tools="no", calls="no"),
    "Zephyr": Family(turn=("<|{role}|>\n", "</s>\n"), tools="no", calls="no", system="any"),
    "Falcon": Family(turn=("{role}: ", "\n"), tools="no", calls="no", system="ignored"),
    "OLMo": Family(turn=("<|{role}|>\n", "\n"), tools="no", calls="no"),
    "SmolLM 2": Family(tools="no", calls="no", system="only first"),
    "SmolLM 3": Family(system="only first", date="strftime", thinking="closed"),
    "InternLM": Family(tools="no", calls="no"),
    "Yi": Family(tools="no", calls="no", system="only first"),
    "gpt-oss": Family(
        turn=("<|start|>{role}<|message|>", "<|end|>"), system="only first", calls="only first", date="strftime"
    ),
    "Nemotron": Family(turn=("<extra_id_1>{role}\n", "\n"), system="only first", arguments="items"),
    "ERNIE": Family(turn=("{role}: ", "\n"), system="first", alternates=True, tools="no", calls="no"),
    "Kimi": Family(turn=("<|im_{role}|>", "<|im_end|>"), content="both"),
    "MiniMax": Family(turn=("]~b]{role}\n", "[e~[\n"), system="only first", arguments="items", content="parts"),
    "Functionary": Family(turn=LLAMA_HEADER, arguments="text"),
    "Firefunction": Family(turn=LLAMA_HEADER, tools="no", calls="no", date="datetime"),
    "Spark": Family(arguments="checked", thinking="optional"),
    "parts alone": Family(content="parts", tools="no", calls="no"),
    "parts and calls": Family(content="parts", arguments="items", system="first", alternates=True, calls="one"),
}

_RAISES: Final = "{{{{ raise_exception('{}') }}}}"
_PARTS: Final = "{% for part in message.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}"
_CONTENT: Final[dict[Content, str]] = {
    "text": "{{ '' + message.content }}",
    "parts": _PARTS,
    "both": "{% if message.content is string %}{{ message.content }}{% else %}" + _PARTS + "{% endif %}",
}
_ITEMS: Final = "{% for key, value in call.arguments.items() %}<{{ key }}>{{ value }}</{{ key }}>{% endfor %}"
_ARGUMENTS: Final[dict[Arguments, str]] = {
    "json": "{{ call.arguments | tojson }}",
    "items": _ITEMS,
    "checked": "{% if call.arguments is not mapping %}"
    + _RAISES.format("Arguments must be a mapping")
    + "{% endif %}"
    + _ITEMS,
    "text": "{{ '```json' + call.arguments + '```' }}",
    "text or json": "{% if call.arguments is string %}{{ call.arguments }}"
    "{% else %}{{ call.arguments | tojson }}{% endif %}",
}
_DATE: Final = {
    "": "",
    "date_string": "{{ date_string }}\n",
    "datetime": "{{ datetime }}\n",
    "strftime": "{{ strftime_now('%Y-%m-%d') }}\n",
}
_THINKING: Final[dict[Thinking, str]] = {
    "no": "",
    "open": "<think>\n",
    "optional": "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}",
    "closed": "{% if not enable_thinking %}<think>\n\n</think>\n{% endif %}",
}


def source(family: Family) -> str:
    """A template of this family."""
    return "".join(
        (
            "{{ bos_token }}",
            _DATE[family.date],
            _tools(family),
            _order(family),
            "{% for message in messages %}",
            f"{{% if message.role == 'system' %}}{_system(family)}",
            _calls(family),
            _result(family),
            f"{{% else %}}{_turn(family, _content(family))}{{% endif %}}",
            "{% endfor %}",
            f"{{% if add_generation_prompt %}}{_opening(family, 'assistant')}{_THINKING[family.thinking]}{{% endif %}}",
        )
    )


def _opening(family: Family, role: str) -> str:
    return family.turn[0].format(role=dict(family.names).get(role, role))


def _turn(family: Family, inside: str, role: str = "") -> str:
    """A message; its role is read from it if none is given."""
    before, after = family.turn
    name = role or "{{ " + repr(dict(family.names)) + ".get(message.role, message.role) }}"
    return before.replace("{role}", name) + inside + after.replace("{role}", name)


def _content(family: Family) -> str:
    return _CONTENT[family.content]


def _tools(family: Family) -> str:
    if family.tools == "no":
        return ""
    told = "[{% for tool in tools %}{{ tool | tojson }}{% endfor %}]\n"
    return told if family.tools == "always" else "{% if tools %}" + told + "{% endif %}"


def _order(family: Family) -> str:
    if not family.alternates:
        return ""
    spoken = "messages | rejectattr('role', 'in', ['system', 'tool'])"
    if family.calls != "no":
        spoken += " | selectattr('tool_calls', 'undefined')"
    return (
        f"{{% for message in {spoken} %}}{{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}}"
        + _RAISES.format("Roles must alternate")
        + "{% endif %}{% endfor %}"
    )


def _system(family: Family) -> str:
    turn = _turn(family, _content(family))
    match family.system:
        case "first":
            refusal = _RAISES.format("System message must be at the beginning")
            return "{% if not loop.first %}" + refusal + "{% endif %}" + turn
        case "only first":
            return "{% if loop.first %}" + turn + "{% endif %}"
        case "in question":
            return "{% if loop.first %}<<" + _content(family) + ">>{% endif %}"
        case "raises":
            return _RAISES.format("System role not supported")
        case "ignored":
            return ""
        case _:
            return turn


def _calls(family: Family) -> str:
    if family.calls == "no":
        return ""
    found = "message.tool_calls[:1]" if family.calls == "only first" else "message.tool_calls"
    condition = "message.tool_calls" + (" and message.content is none" if family.calls_want_null else "")
    text = "" if family.calls_want_null else "{% if message.content %}" + _content(family) + "{% endif %}"
    identity = (
        "{% if each.id | length != 9 %}" + _RAISES.format("Ids should have the length 9") + "{% endif %}"
        if family.short_ids
        else ""
    )
    inside = (
        f"{{% for each in {found} %}}{identity}{{% set call = each.function %}}"
        + "<call>{{ call.name }}\n"
        + _ARGUMENTS[family.arguments]
        + "</call>{% endfor %}"
    )
    single = (
        "{% if message.tool_calls | length != 1 %}"
        + _RAISES.format("This model only supports single tool-calls at once!")
        + "{% endif %}"
        if family.calls == "one"
        else ""
    )
    return f"{{% elif {condition} %}}{single}{_turn(family, text + inside)}"


def _result(family: Family) -> str:
    if not family.knows_result:
        refusal = _RAISES.format("Only user and assistant roles are supported")
        return "{% elif message.role == 'tool' %}" + refusal
    return "{% elif message.role == 'tool' %}" + _turn(family, _content(family), "tool")
