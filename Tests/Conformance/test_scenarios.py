"""The official client's stream accumulator over every golden scenario, through the binary.

What a stream adds up to must be what the same request gives without a stream: the same blocks, the
same stop reason and usage, or the same error.
"""

import anthropic
import pytest

from support import DEADLINE
from support.scenarios import scenarios

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

ALL = scenarios()
COMPARED = ["type", "role", "model", "stop_reason", "stop_sequence"]
# All that the accumulator takes from the end of a stream. The rest it keeps from the beginning.
COUNTED = [
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens",
    "server_tool_use"]


def without_ids(value):
    """A copy without the identifiers that the proxy makes up anew for every answer."""
    if isinstance(value, list):
        return [without_ids(one) for one in value]
    if isinstance(value, dict):
        return {
            key: without_ids(one) for key, one in value.items() if key not in ("id", "tool_use_id")
        }
    return value


def outcome(ask):
    """The message, or the error, in a form that can be compared."""
    try:
        message = ask()
    except anthropic.APIStatusError as error:
        assert error.request_id.startswith("req_")
        return {"error": error.body["error"]}
    assert message.stop_reason is not None
    return {
        **{name: getattr(message, name) for name in COMPARED},
        "content": without_ids([block.to_dict() for block in message.content]),
        "usage": {name: getattr(message.usage, name) for name in COUNTED},
    }


@pytest.mark.parametrize("scenario", ALL, ids=str)
def test_a_stream_adds_up_to_the_message(upstream, start, scenario):
    body = {name: value for name, value in scenario.body.items() if name != "stream"}
    arguments = {
        **{name: body.get(name) for name in ["model", "messages", "max_tokens"]},
        "extra_body": body, "extra_headers": scenario.fields,
    }

    def streamed(messages):
        with messages.stream(**arguments) as stream:
            return stream.get_final_message()

    def run(ask):
        # A proxy of its own, because proxies remember what an upstream does not take.
        proxy = start(**scenario.settings)
        upstream.always(scenario.script())
        # With a time-out of our own the client does not refuse large answers without a stream.
        with anthropic.Anthropic(
            base_url=proxy.url, api_key="unused", max_retries=0, timeout=DEADLINE
        ) as client:
            return outcome(lambda: ask(client.messages))

    results = [run(streamed), run(lambda messages: messages.create(**arguments))]
    if not any(b"prompt_tokens" in answer for answer in scenario.answers):
        # The proxy's own count, which is exact only if it was made before the answer's end.
        for result in results:
            assert result.get("usage", {"input_tokens": 1}).pop("input_tokens") > 0
    assert results[0] == results[1]


def test_there_are_scenarios_of_every_kind():
    streams = [one for one in ALL if one.body.get("stream")]
    assert len(streams) >= 20
    assert any(b"tool_calls" in one.answers[0] for one in streams)
    assert any(b"<cut>" in one.answers[0] for one in streams)
