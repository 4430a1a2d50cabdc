#!/usr/bin/env python3
"""load.py PORT COUNT: COUNT streamed requests, eight at a time, each on a connection of its own.

Every one must be answered whole: prints what went wrong and exits 1 if one was not.
"""

import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
BODY = json.dumps({
    "model": "sim/chunks;n=3;delay=100ms", "max_tokens": 50, "stream": True,
    "messages": [{"role": "user", "content": "hello"}],
})


def request(number):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    try:
        connection.request("POST", "/v1/messages", BODY, {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            return f"request {number}: status {response.status}: {text[:200]}"
        if "event: message_stop" not in text or text.count('"text_delta"') != 3:
            return f"request {number}: the stream was cut short: {text[-200:]}"
    except Exception as error:
        return f"request {number}: {error!r}"
    finally:
        connection.close()
    return None


with ThreadPoolExecutor(8) as pool:
    faults = [fault for fault in pool.map(request, range(COUNT)) if fault]
for fault in faults[:10]:
    print(fault)
print(f"{COUNT - len(faults)} of {COUNT} answered")
sys.exit(1 if faults else 0)
