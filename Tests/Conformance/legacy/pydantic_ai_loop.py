"""One tool loop of pydantic-ai. Arguments: the proxy's URL, `stream` or `whole`.

Prints what it got as JSON.
"""

import asyncio
import json
import sys

from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

url, mode = sys.argv[1:]
provider = AnthropicProvider(base_url=url, api_key="unused")
agent = Agent(AnthropicModel("claude-sonnet-4-5", provider=provider))
calls = []


@agent.tool_plain
def weather(city: str) -> str:
    """The weather of a city."""
    calls.append(("weather", {"city": city}))
    return f"rain in {city}"


async def ask(prompt):
    if mode == "whole":
        result = await agent.run(prompt)
        return result.output, result.usage
    async with agent.run_stream(prompt) as stream:
        return await stream.get_output(), stream.usage


text, usage = asyncio.run(ask("How is the weather in Köln?"))
usage = usage() if callable(usage) else usage
print(json.dumps({
    "calls": calls, "text": text, "stop": "end_turn", "tokens": usage.total_tokens,
}))
