# Sourced by run: what the journal holds of a request, the README's questions to it, and the doctor.

# The fields of the last request's record, `NAME=value` a line.
last_record() {
  journal -n 1 -o json MESSAGE_ID=0357233ddf374aaba23eced1cd944d36 |
    python3 -c 'import json, sys
for name, value in json.load(sys.stdin).items(): print(f"{name}={value}")'
}

session=01234567-89ab-cdef-0123-456789abcdef
# One message of a client that names its session, as Claude Code does.
ask_in_session() {
  nearby curl -sS -m 10 "http://127.0.0.1:8000/v1/messages" -H 'content-type: application/json' \
    -H "x-claude-code-session-id: $session" -d '{"model": "'"$1"'", "max_tokens": 50,
      "messages": [{"role": "user", "content": "a private question"}],
      "metadata": {"user_id": "user_01_account_02_session_'$session'"}}'
}

check_records() {
  local record field billing
  # Not by `nearby`: what is to be killed later has to be this shell's own child.
  ip netns exec "$MACHINE" python3 "$here/upstream.py" 9001 &
  billing=$!
  eventually nearby curl -sS -o /dev/null http://127.0.0.1:9001/
  { base_settings && echo 'CLAUDE_PROXY_UPSTREAM_URL=http://127.0.0.1:9001/v1' &&
    echo 'OPENROUTER_API_KEY=sk-test-file'; } | settings
  inside systemctl reload claude-proxy
  check "a request has a record" eval \
    'has "$(ask_in_session bills/much)" Hello && eventually recorded UPSTREAM_MODEL=bills/much'
  record=$(last_record)
  for field in 'MESSAGE=POST /v1/messages 200' 'REQUEST_ID=req_.' 'GENERATION_ID=gen-0123456789' \
    'MODEL=bills/much' 'UPSTREAM_MODEL=bills/much' 'STATUS=200' 'STOP_REASON=end_turn' \
    'OUTCOME=completed' 'INPUT_TOKENS=60' 'OUTPUT_TOKENS=7' 'CACHE_READ_TOKENS=40' 'COST_USD=0.25' \
    'TTFT_MS=[0-9]+' 'DURATION_MS=[0-9]+' 'CLIENT=127.0.0.1' 'USER_AGENT=curl' \
    'PRIORITY=6' 'SYSLOG_IDENTIFIER=claude-proxy' 'SESSION_ID=[0-9a-f]{16}'; do
    check "… with $field" has "$record" "^$field"
  done
  check "… and the session only as a hash" lacks "$record" "$session"

  ask_in_session fail/always >/dev/null
  check "a failed request is recorded as one" eventually recorded OUTCOME=failed \
    UPSTREAM_MODEL=fail/always STATUS=400
  readme_queries >"$scratch/queries"
  check "the README asks the journal three questions" test "$(grep -c . "$scratch/queries")" = 3
  check "… what went wrong" eval 'has "$(readme_answer 1)" "400.*This model always"'
  check "… what each model has cost" eval 'has "$(readme_answer 2)" "^0.25[[:space:]]+bills/much$"'
  check "… which answers were slow to begin" eval \
    'has "$(readme_answer 3)" "^[0-9]+ ms[[:space:]]+bills/much[[:space:]]+req_"'
  kill $billing
  wait $billing 2>/dev/null
}

# The questions in the README's code block after "Questions to the journal", word for word, one a line.
readme_queries() {
  awk '/Questions to the journal/ { near = 1 } near && /^```sh$/ { inside = 1; next }
    inside && /^```$/ { exit } inside && /^#/ { print ""; next } inside { printf "%s ", $0 }
    END { print "" }' "$root/README.md" | grep journalctl
}
readme_answer() { inside_sh "$(sed -n "$1p" "$scratch/queries")"; }

# --- the doctor ------------------------------------------------------------------------------------

# finding CHECK: its verdict and its text.
finding() {
  inside claude-proxy doctor --json --timeout 5 | python3 -c 'import json, sys
for finding in json.load(sys.stdin)["findings"]:
    if finding["check"] == sys.argv[1]: print(finding["verdict"], finding["text"])' "$1"
}

check_doctor() {
  local report
  { base_settings && echo 'OPENROUTER_MODEL=sim/echo'; } | settings
  inside systemctl restart claude-proxy
  check "the doctor finds nothing wrong" inside claude-proxy doctor --timeout 5
  check "… knows the key of the service's credential" \
    has "$(finding key)" 'ok the upstream knows it'
  check "… has had an answer" has "$(finding "round trip")" 'ok a streamed answer'
  check "… has asked the daemon" has "$(finding daemon)" 'ok healthy at 127.0.0.1:8000'
  check "… sees that the unit runs" has "$(finding unit)" 'ok it runs'
  check "… and that its sandbox is in force" has "$(finding sandbox)" 'ok as it was shipped, and in'
  check "… and the journal" has "$(finding journal)" '(ok|warning) journald'
  report=$(inside claude-proxy report --timeout 5)
  check "a report has the log and no secret" eval \
    'has "$report" "^ActiveState=active" && has "$report" "listening on" &&
     has "$report" "OPENROUTER_API_KEY=\\(set\\)" && lacks "$report" sk-test'
  check "… and nothing that was asked" lacks "$report" "private question"
  drop_in claude-proxy.service weaker <<'EOF'
[Service]
LockPersonality=no
EOF
  inside systemctl restart claude-proxy
  check "the doctor sees a sandbox that was weakened" \
    has "$(finding sandbox)" 'warning .*LockPersonality=no'
  inside_sh 'rm -r /run/systemd/system/claude-proxy.service.d; systemctl daemon-reload
    systemctl stop claude-proxy'
  check "… and that the service does not run" has "$(finding unit)" 'warning it does not run'
  check "… which it can do without" has "$(finding "round trip")" 'ok a streamed answer'
  check "… but not without the right to read the configuration" eval \
    '! report=$(inside setpriv --reuid 65534 --clear-groups claude-proxy doctor) &&
     has "$report" "FAIL.*Permission denied" && has "$report" "sudo claude-proxy doctor"'
  inside systemctl start claude-proxy
}
