"""A naive reading of an upstream's stream, to hold the proxy's translation against.

It shares nothing with the translator: it has the whole body, so it can afford to look at all of it
before it says anything.
"""

import json
from dataclasses import dataclass, field

DECODER = json.JSONDecoder()
REDACTED = "[REDACTED]"
BROKEN = {"network_error", "error", "MALFORMED_FUNCTION_CALL"}


@dataclass
class Call:
    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""
    # What must go back with it, as it came.
    extra: dict | None = None

    @property
    def is_complete(self):
        try:
            return isinstance(DECODER.raw_decode(self.arguments.strip())[0], dict)
        except json.JSONDecodeError:
            return False

    @property
    def input(self):
        """The first value of the arguments; None when it is cut off."""
        try:
            value = DECODER.raw_decode(self.arguments.strip() or "{}")[0]
        except json.JSONDecodeError:
            return None
        return {} if value is None or value == "" else value


@dataclass
class Reading:
    text: str = ""
    reasonings: dict = field(default_factory=dict)
    details: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    citations: list = field(default_factory=list)
    finish: str | None = None
    native: str | None = None
    usage: dict | None = None
    is_done: bool = False
    has_failed: bool = False
    has_refused: bool = False

    @property
    def thinking(self):
        for source in ["details", "reasoning", "reasoning_content", "parts"]:
            if self.reasonings.get(source):
                return self.reasonings[source]
        return ""

    @property
    def is_empty(self):
        return not (self.text or self.thinking or self.details or self.calls)

    @property
    def is_whole(self):
        """Whether the upstream gave an answer, and all of it."""
        if self.finish == "length":
            return True
        if self.has_failed or self.finish == "error" or self.native in BROKEN:
            return False
        return (self.finish is not None or self.is_done) and not (
            self.is_empty and self.finish != "content_filter")

    @property
    def stop_reason(self):
        if self.finish == "content_filter" or self.native in ("refusal", "SAFETY"):
            return "refusal"
        if self.finish == "length":
            return "max_tokens"
        if self.calls:
            return "tool_use"
        return "refusal" if self.has_refused else "end_turn"

    @property
    def tokens(self):
        """Input, read from the cache, written to it, output; as Anthropic counts them."""
        usage = self.usage
        details = usage.get("prompt_tokens_details") or {}
        read = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or usage.get(
            "cached_tokens") or 0
        written = details.get("cache_write_tokens") or 0
        prompt, output = usage["prompt_tokens"], usage["completion_tokens"]
        reasoned = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        if reasoned and usage.get("total_tokens") == prompt + output + reasoned:
            output += reasoned
        return max(0, prompt - read - written), read, written, output

    def take(self, chunk):
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        if usage:
            self.usage = usage
        if chunk.get("error") or chunk.get("object") == "error":
            self.has_failed = True
            return
        choices = [one for one in chunk.get("choices") or [] if not one.get("index")]
        for choice in choices:
            self.take_delta(choice.get("delta") or choice.get("message") or {})
            self.finish = self.finish or choice.get("finish_reason")
            self.native = self.native or choice.get("native_finish_reason")
            self.usage = choice.get("usage") or self.usage
            self.has_failed |= bool(choice.get("error"))

    def take_delta(self, delta):
        content = delta.get("content") or ""
        parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
        for part in parts:
            self.text += part.get("text") or ""
            thinking = part.get("thinking") or []
            for one in [{"text": thinking}] if isinstance(thinking, str) else thinking:
                self.reason("parts", one.get("text"))
        if delta.get("refusal"):
            self.text += delta["refusal"]
            self.has_refused = True
        for item in delta.get("reasoning_details") or []:
            self.details.append(item)
            self.reason("details", item.get("text") or item.get("summary"))
        self.reason("reasoning", delta.get("reasoning"))
        self.reason("reasoning_content", delta.get("reasoning_content"))
        self.citations += [
            one["url_citation"]["url"] for one in delta.get("annotations") or []
            if one.get("type") == "url_citation"]
        for call in delta.get("tool_calls") or []:
            self.take_call(call)

    def reason(self, source, text):
        if text and text != REDACTED:
            self.reasonings[source] = self.reasonings.get(source, "") + text

    def take_call(self, delta):
        function = delta.get("function") or {}
        call = self.call_of(delta.get("index"), delta.get("id"), function.get("name"))
        call.name = call.name or function.get("name") or ""
        call.extra = call.extra or delta.get("extra_content")
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        call.arguments += arguments or ""

    def call_of(self, index, id, name):
        known = [call for call in self.calls if id and call.id == id]
        if known:
            return known[-1]
        here = self.calls if index is None else [one for one in self.calls if one.index == index]
        if id or not here or (index is None and name and here[-1].is_complete):
            self.calls.append(Call(index, id or ""))
            return self.calls[-1]
        return here[-1]

    def split_think_tags(self):
        """What a server without a parser of reasoning leaves in the text."""
        rest = self.text.lstrip()
        if not self.thinking and rest.startswith("<think>"):
            thinking, _, text = rest.removeprefix("<think>").partition("</think>")
            self.reasonings["parts"], self.text = thinking.lstrip(), text.lstrip()


def lines_of(data):
    return data.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")


def events_of(data):
    """The events' names and data. One without JSON as a whole may be several, one a line."""
    name, held = "", []
    for line in [*lines_of(data), ""]:
        if line.startswith("data:"):
            held.append(line[5:].removeprefix(" "))
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif not line and held:
            joined = "\n".join(held)
            for one in [joined] if is_json(joined) else held:
                yield name, one
            name, held = "", []


def is_json(text):
    try:
        json.loads(text)
        return True
    except json.JSONDecodeError:
        return False


def read(data, with_think_tags=False):
    reading = Reading()
    if data.lstrip().startswith(b"{"):
        reading.take(json.loads(data))
        reading.is_done = True
    else:
        for name, text in events_of(data):
            if text.strip() == "[DONE]":
                reading.is_done = True
                break
            if not is_json(text):
                # The last event, cut in two.
                break
            value = json.loads(text)
            if isinstance(value, dict):
                reading.take(value)
            if name == "error":
                reading.has_failed = True
            if reading.has_failed:
                break
    if with_think_tags:
        reading.split_think_tags()
    return reading
