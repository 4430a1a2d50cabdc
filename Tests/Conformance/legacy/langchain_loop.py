"""One tool loop of langchain-anthropic. Arguments: the proxy's URL, `stream` or `whole`.

Prints what it got as JSON.
"""

import json
import sys

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


url, mode = sys.argv[1:]
model = ChatAnthropic(
    model="claude-sonnet-4-5", base_url=url, api_key="unused", max_tokens=100, max_retries=0,
).bind_tools([weather])


def ask(messages):
    if mode == "whole":
        return model.invoke(messages)
    chunks = list(model.stream(messages))
    return sum(chunks[1:], chunks[0])


messages = [HumanMessage("How is the weather in Köln?")]
first = ask(messages)
calls = [(call["name"], call["args"]) for call in first.tool_calls]
results = [
    ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in first.tool_calls
]
last = ask([*messages, first, *results])
print(json.dumps({
    "calls": calls, "text": last.text, "stop": last.response_metadata["stop_reason"],
    "tokens": last.usage_metadata["total_tokens"],
}))
