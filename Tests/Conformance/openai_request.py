"""Whether an upstream's request is one: a schema, and the rules that no schema can say.

The schema is OpenAI's own. What another server takes besides is written here, server by server,
from what its documentation says; a member that stands nowhere is a fault. The rules are those for
which servers answer 400: a result for every call, in order and nowhere else; nothing blank; at most
four cache breakpoints; roles in turn where a chat template insists on them.
"""

import copy
import json
import re
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

BASE = json.loads((Path(__file__).parent / "chat_completions.schema.json").read_text())
CACHE_BREAKPOINTS_MAX = 4
EFFORTS = ["minimal", "low", "medium", "high", "xhigh", "max"]
CACHE_CONTROL = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {"type": {"const": "ephemeral"}, "ttl": {"enum": ["5m", "1h"]}},
}
TEXT = {"type": "string"}
THINKING = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {"type": {"enum": ["enabled", "disabled"]}},
}
REASONING = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "effort": {"enum": EFFORTS}, "max_tokens": {"type": "integer", "minimum": 1024},
        "enabled": {"type": "boolean"},
    },
    # One of effort and budget, not both.
    "not": {"required": ["effort", "max_tokens"]},
}
DETAILS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": [
            "reasoning.text", "reasoning.summary", "reasoning.encrypted"]}},
    },
}


def server_tool(name, *parameters):
    return {
        "type": "object",
        "required": ["type"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": f"openrouter:{name}"},
            "parameters": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {parameter: True for parameter in parameters},
            },
        },
    }


def openrouter(schema, parts):
    schema["properties"].update(
        reasoning=REASONING, verbosity={"enum": EFFORTS[1:]}, cache_control=CACHE_CONTROL,
        top_k={"type": "integer", "minimum": 0},
        session_id={"type": "string", "minLength": 1, "maxLength": 256})
    schema["properties"]["tool_choice"]["oneOf"].append({
        "type": "object", "additionalProperties": False, "required": ["type"],
        "properties": {"type": {"enum": ["openrouter:web_search", "openrouter:web_fetch"]}}})
    parts["textPart"]["properties"]["cache_control"] = CACHE_CONTROL
    parts["function"]["properties"]["cache_control"] = CACHE_CONTROL
    parts["tool"]["oneOf"] += [
        server_tool(
            "web_search", "max_uses", "allowed_domains", "excluded_domains", "user_location"),
        server_tool(
            "web_fetch", "max_uses", "max_content_tokens", "allowed_domains", "blocked_domains"),
    ]
    parts["assistant"]["properties"].update(
        reasoning_details=DETAILS, reasoning=TEXT, reasoning_content=TEXT)
    parts["filePart"]["properties"]["file"]["properties"]["file_data"] = {
        "type": "string", "pattern": "^(https?://|data:application/pdf;base64,)."}


def deepseek(schema, parts):
    del schema["properties"]["reasoning_effort"]
    schema["properties"]["thinking"] = THINKING
    schema["properties"]["stop"]["maxItems"] = 16
    parts["assistant"]["properties"]["reasoning_content"] = TEXT


def zai(schema, parts):
    deepseek(schema, parts)
    schema["properties"]["stop"]["maxItems"] = 4


def groq(schema, parts):
    parts["assistant"]["properties"]["reasoning"] = TEXT


def mistral(schema, parts):
    for name in ["stream_options", "user", "reasoning_effort"]:
        del schema["properties"][name]
    schema["properties"]["tool_choice"]["oneOf"][0] = {"enum": ["auto", "none", "any"]}
    parts["assistant"]["properties"]["prefix"] = {"const": True}
    nine = {"type": "string", "pattern": "^[a-zA-Z0-9]{9}$"}
    parts["toolCall"]["properties"]["id"] = nine
    parts["toolMessage"]["properties"]["tool_call_id"] = nine


def moonshot(schema, parts):
    for name in ["reasoning_effort", "parallel_tool_calls"]:
        del schema["properties"][name]
    parts["assistant"]["properties"]["reasoning_content"] = TEXT


def vllm(schema, parts):
    schema["properties"]["top_k"] = {"type": "integer"}
    schema["properties"]["stop"]["maxItems"] = 16
    parts["assistant"]["properties"]["reasoning"] = TEXT


def llama(schema, parts):
    schema["properties"]["top_k"] = {"type": "integer"}
    schema["properties"]["stop"]["maxItems"] = 16
    del schema["properties"]["reasoning_effort"]
    parts["assistant"]["properties"]["reasoning_content"] = TEXT


def google(schema, parts):
    for name in ["parallel_tool_calls", "user"]:
        del schema["properties"][name]
    parts["toolCall"]["properties"]["extra_content"] = {"type": "object", "minProperties": 1}


def ollama(schema, parts):
    del schema["properties"]["parallel_tool_calls"]
    schema["properties"]["stop"]["maxItems"] = 16
    parts["assistant"]["properties"]["reasoning"] = TEXT


def generic(schema, parts):
    for name in ["reasoning_effort", "parallel_tool_calls", "user"]:
        del schema["properties"][name]


SERVERS = {
    "openai": None, "azure": None, "openrouter": openrouter, "deepseek": deepseek, "zai": zai,
    "google": google, "groq": groq, "mistral": mistral, "moonshot": moonshot, "vllm": vllm, "llama.cpp": llama,
    "ollama": ollama, "generic": generic,
}
# Those that take files, and those whose chat templates want the system first and roles in turn.
TAKE_FILES = {"openrouter", "openai", "azure"}
IN_TURN = {"google", "mistral", "vllm", "llama.cpp", "ollama", "generic"}


@cache
def validator(server):
    schema = copy.deepcopy(BASE)
    if server not in TAKE_FILES:
        parts = schema["$defs"]["user"]["properties"]["content"]["oneOf"][1]["items"]["oneOf"]
        parts.remove({"$ref": "#/$defs/filePart"})
    if extend := SERVERS[server]:
        extend(schema, schema["$defs"])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def deepest(error):
    """The part of a failed alternative that says most."""
    while error.context:
        error = max(error.context, key=lambda one: len(one.absolute_path))
    return f"{error.json_path}: {error.message[:300]}"


def rule_faults(body, server):
    yield from result_faults(body["messages"])
    yield from turn_faults(body["messages"], server)
    text = json.dumps(body)
    if "x-anthropic-billing-header" in text:
        yield "the billing line reaches the upstream"
    marks = len(re.findall(r'"cache_control": \{', text))
    if marks > CACHE_BREAKPOINTS_MAX:
        yield f"{marks} cache breakpoints"
    names = [one["function"]["name"] for one in body.get("tools", []) if "function" in one]
    if len(set(names)) < len(names):
        yield f"tools of one name: {names}"
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and "function" in choice and choice["function"]["name"] not in names:
        yield f"{choice} is not among the tools"
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    budget = body.get("reasoning", {}).get("max_tokens") if server == "openrouter" else None
    if limit is None:
        yield "the length of the answer is unlimited"
    elif budget and budget >= limit:
        yield f"{budget} tokens of {limit} for reasoning"


def result_faults(messages):
    """Every call has its result, directly after its message, in order; no result stands elsewhere."""
    waiting = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if not waiting or waiting.pop(0) != message["tool_call_id"]:
                yield f"messages[{index}]: a result that nobody waits for"
            continue
        if waiting:
            yield f"messages[{index}]: before it, results are missing: {waiting}"
        waiting = [call["id"] for call in message.get("tool_calls", [])]
        if len(set(waiting)) < len(waiting):
            yield f"messages[{index}]: calls of one id"
        for call in message.get("tool_calls", []):
            if not isinstance(json.loads(call["function"]["arguments"]), dict):
                yield f"messages[{index}]: arguments that are no object"
    if waiting:
        yield f"the last calls have no results: {waiting}"


def turn_faults(messages, server):
    roles = [message["role"] for message in messages]
    if all(role == "system" for role in roles):
        yield "nobody says anything"
    for index, (one, next) in enumerate(zip(roles, roles[1:])):
        if (one, next) == ("assistant", "assistant"):
            yield f"messages[{index + 1}]: two answers in a row"
    if server not in IN_TURN:
        return
    if "system" in roles[1:]:
        yield "a system message that is not the first"
    turns = [role for role in roles if role not in ("tool", "system")]
    for one, next in zip(turns, turns[1:]):
        # Between two assistant messages with calls there are only results.
        if one == next == "user":
            yield "two user messages in a row"
    if turns and turns[0] != "user":
        yield "the conversation does not begin with the user"


def faults(body, server):
    """What is wrong with a request to a server; nothing when it is a good one."""
    found = [deepest(error) for error in validator(server).iter_errors(body)]
    return found or list(rule_faults(body, server))
