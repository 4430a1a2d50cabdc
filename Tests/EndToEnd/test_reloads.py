"""Every setting that is documented as applied by a reload is: each is seen before and after one, and
the list is that of the documents, so that a new option needs a probe here."""

import re
import signal
import time
from threading import Event

import pytest
import test_trust

from support import DEADLINE
from support.answers import STREAM_HEAD, ending, failing, piece, saying, text, whole
from support.client import message, text_of
from support.proxy import KEY, ROOT
from support.upstream import UNTIL_LEFT, Wait
from test_models import LIST, health, models
from test_seals import comes_back, sealed
from test_timing import unreachable  # noqa: F401

# The settings of the file in all tests, unless a probe has others.
BASE = {
    "OPENROUTER_API_KEY": KEY,
    "CLAUDE_PROXY_LOG_FORMAT": "json",
    "CLAUDE_PROXY_MODELS_REFRESH": "0s",
    "CLAUDE_PROXY_SEAL_KEY": "k" * 32,
    "CLAUDE_PROXY_UPSTREAM_PROFILE": "openrouter",
}
TOKEN = "client-token-0123456789"
LONG = "30s"
# Far from both values of a time-out.
SOON = 2.5


class House:
    """A proxy that goes by a file alone."""

    def __init__(self, start, upstream, path):
        self.upstream, self.path, self._start = upstream, path, start

    def write(self, settings):
        values = {**BASE, "CLAUDE_PROXY_UPSTREAM_URL": self.upstream.url, **settings}
        self.path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    def open(self, settings, **environment):
        self.write(settings)
        # Before the proxy, which asks for the list of models as soon as it runs.
        self.upstream.always(
            lambda request: whole(200, LIST) if request.method == "GET" else saying("Hi"))
        # Pins of providers are each worker's own.
        environment = {"WORKERS": "1", **environment}
        self.proxy = self._start(
            ["--config", str(self.path)], url=None, OPENROUTER_API_KEY=None, MODELS_REFRESH=None,
            SEAL_KEY=None, UPSTREAM_PROFILE=None, LOG_FORMAT=None, **environment)

    def reload(self, settings):
        self.write(settings)
        start = len(self.proxy.lines)
        self.proxy.signal(signal.SIGHUP)
        self.wait(lambda: any("the configuration was reloaded" in line
                              for line in self.proxy.lines[start:]))

    @staticmethod
    def wait(condition, seconds=DEADLINE):
        """Whether a condition has come to be in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def asked(self, body=None, fields=None):
        """What the upstream is sent of a request."""
        count = len(self.upstream.requests)
        self.proxy.post(body or message(), fields)
        return self.upstream.request(count)


# What is seen of a setting. Each takes the house and returns something to compare.

def header(name):
    return lambda house: house.asked().header(name)


def member(name, **body):
    return lambda house: house.asked(message(**body)).json.get(name)


def status(fields=None, path="/v1/messages", **more):
    return lambda house: house.proxy.post(message(), fields, path=path, **more).status


def answered_model(house):
    return house.proxy.post(message()).json["model"]


def waits_for(steps, streams=False):
    """A request whose upstream does as the steps say; whether it is over soon."""

    def see(house):
        go_on = Event()
        house.upstream.will([
            Wait(go_on) if step is Wait else step for step in steps])
        with house.proxy.connect() as client:
            client.socket.settimeout(SOON)
            client.begin(message(stream=streams))
            try:
                client.response()
                return True
            except TimeoutError:
                return False
            finally:
                go_on.set()

    return see


def is_told(send):
    """Whether a connection that does as it is told is answered, or closed, soon."""

    def see(house):
        with house.proxy.connect() as client:
            client.socket.settimeout(SOON)
            client.send(send)
            try:
                if not send.startswith(b"GET"):
                    return client.response().status == 408
                assert client.response().status == 200
                client.expect_end()
                return True
            except TimeoutError:
                return False

    return see


def first_event(house):
    """The status or the first event of a stream that has no content yet."""
    go_on = Event()
    house.upstream.will([STREAM_HEAD, Wait(go_on), *text("Hi"), *ending()])
    with house.proxy.connect() as client:
        client.socket.settimeout(SOON)
        client.begin(message(stream=True))
        try:
            client.response_head()
            client.read_line()
            return True
        except TimeoutError:
            return False
        finally:
            go_on.set()


def pings(house):
    """How many pings come in half a second of silence within an answer."""
    go_on = Event()
    house.upstream.will([STREAM_HEAD, *text("Hi"), Wait(go_on), *text("!"), *ending()])
    with house.proxy.connect() as client:
        client.begin(message(stream=True))
        client.response_head()
        time.sleep(0.5)
        go_on.set()
        events = [value for value, _ in client.events()]
        assert text_of(events) == "Hi!"
        return sum(event["type"] == "ping" for event in events) > 2


def slow_reader_is_left(house):
    """Whether who takes nothing of a long answer is left soon."""
    house.upstream.will([STREAM_HEAD, *[piece({"content": "x" * 60000})] * 200, *ending()])
    count = len(house.upstream.requests)
    with house.proxy.connect(receive_buffer=4096) as client:
        client.begin(message(stream=True))
        request = house.upstream.request(count)
        return request.left.wait(SOON) and house.wait(lambda: house.proxy.records, 1)


def drains_soon(house):
    """Whether a drain does not wait for an answer for long; ends the proxy."""
    house.upstream.will([STREAM_HEAD, *text("Hi"), UNTIL_LEFT])
    with house.proxy.connect() as client:
        client.begin(message(stream=True))
        client.response_head()
        house.proxy.signal(signal.SIGTERM)
        return house.wait(lambda: house.proxy.process.poll() is not None, SOON)


def second_connection(house):
    with house.proxy.connect() as first:
        # Whoever has shown nothing would give way.
        assert first.post(message()).status == 200
        return house.proxy.ask("GET", "/health").status


def second_request(house):
    go_on = Event()
    house.upstream.will([STREAM_HEAD, Wait(go_on), *text("Hi"), *ending()])
    count = len(house.upstream.requests)
    with house.proxy.connect() as first, house.proxy.connect() as second:
        first.begin(message())
        house.upstream.request(count)
        result = second.post(message()).status
        go_on.set()
        first.response()
        return result


def large_body(house):
    return house.proxy.post(message(metadata={"user_id": "x" * 700_000})).status


def listed(house):
    house.wait(lambda: health(house.proxy)["models"] == 2)
    return "claude-z-ai/glm-5" in models(house.proxy)


def list_is_asked_for(house):
    return house.wait(lambda: any(r.method == "GET" for r in house.upstream.requests), 0.5)


def counted(house):
    """The tokens of a prompt, at a model whose answers count far more than we do."""

    def script(request):
        time.sleep(0.05)
        return saying("Hi", usage={"prompt_tokens": 900 + len(request.body) // 2,
                                   "completion_tokens": 5})

    house.upstream.always(script)
    if not house.proxy.records:
        for number in range(12):
            house.proxy.post(message(messages=[{"role": "user", "content": "word " * 40 * number + "x"}]))
    body = message()
    del body["max_tokens"]
    return house.proxy.post(body, path="/v1/messages/count_tokens").json["input_tokens"] > 200


def key_of_sessions(house):
    """Whether sessions are spread over keys."""
    keys = {house.asked(fields={"x-claude-code-session-id": f"session-{n}"}).header("authorization")
            for n in range(12)}
    return len(keys)


def pinned(house):
    fields = {"x-claude-code-session-id": "one"}
    house.upstream.will(
        [STREAM_HEAD, piece({"content": "a"}, provider="DeepInfra"), *ending()])
    house.asked(fields=fields)
    return house.asked(fields=fields).json.get("provider")


def models_asked(*scripts):
    """Which models are asked, in order, for one request."""

    def see(house):
        house.upstream.will(*scripts)
        count = len(house.upstream.requests)
        house.proxy.post(message())
        return [request.json["model"] for request in house.upstream.requests[count:]]

    return see


def cache_marks(house):
    body = message(model="x", system=[{"type": "text", "text": "word " * 3000}])
    return b"cache_control" in house.asked(body).body


def reasoning_comes_back(house):
    """Whether what was sealed first is known; the first time it is made."""
    if not hasattr(house, "block"):
        house.block = sealed(house.proxy, house.upstream)
    return comes_back(house.proxy, house.upstream, house.block)


def is_recorded_at_debug(house):
    def messages():
        return sum("POST" in record["message"] for record in house.proxy.records)

    before = messages()
    house.proxy.ask("GET", "/health")
    house.proxy.post(message())
    # Records come in order, but not at once.
    house.wait(lambda: messages() > before)
    return any("GET /health" in record["message"] for record in house.proxy.records)


def form_of_log(house):
    count = len(house.proxy.lines)
    house.proxy.post(message())
    house.wait(lambda: len(house.proxy.lines) > count)
    return house.proxy.lines[-1].startswith("{")


CHAIN = {"OPENROUTER_MODEL": "vendor/one|vendor/two"}
DOWN = failing(500, "down")

# Setting: what the file has before and after, what is looked at, and what that is to be.
PROBES = {
    "OPENROUTER_API_KEY": ({}, "sk-another", header("authorization"),
                           (f"Bearer {KEY}", "Bearer sk-another")),
    "CLAUDE_PROXY_UPSTREAM_URL": (
        {}, lambda house: house.upstream.url.replace("/api/", "/other/"),
        lambda house: house.asked().path, ("/api/v1/chat/completions", "/other/v1/chat/completions")),
    # To the rules 0.0.0.0 is an address of anywhere; Linux connects to this machine.
    "CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM": (
        {}, lambda house: {
            "CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM": "true",
            "CLAUDE_PROXY_UPSTREAM_URL": f"http://0.0.0.0:{house.upstream.port}/other/v1"},
        lambda house: house.asked().path, ("/api/v1/chat/completions", "/other/v1/chat/completions")),
    "CLAUDE_PROXY_UPSTREAM_API": ({}, "responses", lambda house: house.asked().path,
                                  ("/api/v1/chat/completions", "/api/v1/responses")),
    "CLAUDE_PROXY_UPSTREAM_PROFILE": ({}, "generic", 
                                      member("reasoning", output_config={"effort": "low"}),
                                      ({"effort": "low"}, None)),
    "OPENROUTER_SITE_URL": ({}, "https://example.org", header("http-referer"),
                            (None, "https://example.org")),
    "OPENROUTER_SITE_NAME": ({}, "A name", header("x-title"), (None, "A name")),
    "CLAUDE_PROXY_KEY_CHOICE": ({"OPENROUTER_API_KEY": f"{KEY},sk-another"}, "first",
                                key_of_sessions, (2, 1)),
    "OPENROUTER_MODEL": ({}, "vendor/new", member("model"), ("openai/gpt-oss-120b", "vendor/new")),
    "CLAUDE_PROXY_MODEL_MAP": ({}, "claude-*=vendor/mapped", member("model"),
                               ("openai/gpt-oss-120b", "vendor/mapped")),
    "CLAUDE_PROXY_REPORT_MODEL": ({}, "requested", answered_model,
                                  ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5")),
    "CLAUDE_PROXY_LISTED_MODELS": ({"CLAUDE_PROXY_MODELS_REFRESH": "1h"}, "openai/*", listed,
                                   (True, False)),
    "CLAUDE_PROXY_MODELS_REFRESH": ({}, "1h", list_is_asked_for, (False, True)),
    "CLAUDE_PROXY_TOKEN_CALIBRATION": ({}, "false", counted, (True, False)),
    "CLAUDE_PROXY_ROUTES": (
        {}, "subagent=vendor/agent",
        lambda house: house.asked(fields={"x-claude-code-agent-id": "a1"}).json["model"],
        ("openai/gpt-oss-120b", "vendor/agent")),
    "CLAUDE_PROXY_FALLBACK_ON": (
        {**CHAIN, "CLAUDE_PROXY_FALLBACK_ON": "limit"}, "unavailable", models_asked(DOWN),
        (["vendor/one"], ["vendor/one", "vendor/two"])),
    "CLAUDE_PROXY_FALLBACK_AFTER": (
        CHAIN, "100ms", waits_for([STREAM_HEAD, Wait], streams=True), (False, True)),
    "CLAUDE_PROXY_OPENROUTER_PROVIDER": ({}, '{"sort":"price"}', member("provider"),
                                         (None, {"sort": "price"})),
    "CLAUDE_PROXY_CACHE_BREAKPOINTS": (
        {"OPENROUTER_MODEL": "anthropic/claude-opus-5"}, "add", cache_marks, (False, True)),
    "CLAUDE_PROXY_PIN_PROVIDER": ({}, "true", pinned,
                                  (None, {"order": ["deepinfra"], "allow_fallbacks": True})),
    "CLAUDE_PROXY_ACCESS": (
        {"CLAUDE_PROXY_ACCESS": "loopback", "CLAUDE_PROXY_CLIENT_TOKENS": TOKEN}, "token", status(),
        (200, 401)),
    "CLAUDE_PROXY_CLIENT_TOKENS": ({}, TOKEN, status(), (200, 401)),
    "CLAUDE_PROXY_SEAL_KEY": ({"OPENROUTER_MODEL": "anthropic/claude-opus-5"}, "z" * 32,
                              reasoning_comes_back, (True, False)),
    "CLAUDE_PROXY_ALLOWED_HOSTS": ({}, "proxy.example", status(host="proxy.example"), (403, 200)),
    "CLAUDE_PROXY_LOG_LEVEL": ({}, "debug", is_recorded_at_debug, (False, True)),
    "CLAUDE_PROXY_LOG_FORMAT": ({}, "text", form_of_log, (True, False)),
    "CLAUDE_PROXY_HEAD_TIMEOUT": (
        {"CLAUDE_PROXY_HEAD_TIMEOUT": LONG}, "100ms", is_told(b"POST /v1/messages HTTP/1.1\r\nHost"),
        (False, True)),
    "CLAUDE_PROXY_BODY_TIMEOUT": (
        {"CLAUDE_PROXY_BODY_TIMEOUT": LONG}, "100ms",
        is_told(b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"), (False, True)),
    "CLAUDE_PROXY_IDLE_TIMEOUT": (
        {"CLAUDE_PROXY_IDLE_TIMEOUT": LONG}, "100ms",
        is_told(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), (False, True)),
    "CLAUDE_PROXY_WRITE_TIMEOUT": ({"CLAUDE_PROXY_WRITE_TIMEOUT": LONG}, "200ms",
                                   slow_reader_is_left, (False, True)),
    "CLAUDE_PROXY_FIRST_BYTE_TIMEOUT": (
        {"CLAUDE_PROXY_FIRST_BYTE_TIMEOUT": LONG}, "100ms", waits_for([Wait]), (False, True)),
    "CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT": (
        {"CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT": LONG}, "100ms",
        waits_for([STREAM_HEAD, *text("Hi"), Wait]), (False, True)),
    "CLAUDE_PROXY_STATUS_HOLD": ({"CLAUDE_PROXY_STATUS_HOLD": LONG}, "100ms", first_event,
                                 (False, True)),
    "CLAUDE_PROXY_PING_INTERVAL": ({"CLAUDE_PROXY_PING_INTERVAL": LONG}, "100ms", pings,
                                   (False, True)),
    "CLAUDE_PROXY_MAX_BODY": ({}, "64KiB", large_body, (200, 413)),
    "CLAUDE_PROXY_MAX_CONNECTIONS": ({}, "1", second_connection, (200, 529)),
    "CLAUDE_PROXY_MAX_REQUESTS": ({}, "1", second_request, (200, 529)),
    "CLAUDE_PROXY_MEMORY_BUDGET": ({}, "1MiB", large_body, (200, 413)),
}

# Settings with a test of their own: what they mean cannot be seen by one look before and one after.
ELSEWHERE = {
    "CLAUDE_PROXY_CONNECT_TIMEOUT": "test_a_reload_applies_the_time_to_connect",
    "CLAUDE_PROXY_DRAIN_TIMEOUT": "test_a_reload_applies_the_time_to_drain",
    "CLAUDE_PROXY_UPSTREAM_CA_FILE":
        test_trust.test_a_ca_that_is_added_to_the_file_is_trusted_after_a_reload.__name__,
}


def documented():
    """The settings, each with how a change is applied."""
    document = (ROOT / "docs/configuration.md").read_text()
    return dict(re.findall(r"### `(\w+)`\n(?:(?!###).*\n)*?\|.*\| (reload|restart) \|", document))


def test_every_setting_has_its_probe():
    settings = documented()
    assert len(settings) > 40
    reloadable = {name for name, how in settings.items() if how == "reload"}
    assert reloadable == set(PROBES) | set(ELSEWHERE)


@pytest.fixture
def house(start, upstream, tmp_path):
    return House(start, upstream, tmp_path / "config.env")


@pytest.mark.parametrize("name", PROBES)
def test_a_reload_applies(house, name):
    before, after, see, expected = PROBES[name]
    house.open(before)
    if callable(after):
        after = after(house)
    first = see(house)
    house.reload({**before, **(after if isinstance(after, dict) else {name: after})})
    assert (first, see(house)) == expected


def test_a_reload_applies_the_time_to_connect(house, unreachable):
    settings = {"CLAUDE_PROXY_UPSTREAM_URL": unreachable}
    house.open({**settings, "CLAUDE_PROXY_CONNECT_TIMEOUT": LONG})
    assert not waits_for([])(house)
    house.reload({**settings, "CLAUDE_PROXY_CONNECT_TIMEOUT": "200ms"})
    assert waits_for([])(house)


def test_a_reload_applies_the_time_to_drain(house):
    house.open({"CLAUDE_PROXY_DRAIN_TIMEOUT": "1h"})
    house.reload({"CLAUDE_PROXY_DRAIN_TIMEOUT": "100ms"})
    assert drains_soon(house)


def test_a_reload_that_changes_what_needs_a_restart_says_so(house):
    assert {name for name, how in documented().items() if how == "restart"} == {
        "CLAUDE_PROXY_LISTEN", "CLAUDE_PROXY_WORKERS"}
    house.open({}, WORKERS=None)  # the sanitizers' number would win over the file's
    start = len(house.proxy.lines)
    house.reload({"CLAUDE_PROXY_WORKERS": "3"})
    assert any("CLAUDE_PROXY_WORKERS" in line for line in house.proxy.lines[start:])
