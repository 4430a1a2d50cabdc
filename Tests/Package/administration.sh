# Sourced by run: what administrators do with an installed package, and what other programs of Debian do.

# What stands beside config.env is seen by the service as well, and goes as it goes.
check_other_files() {
  inside_sh 'cd /etc/claude-proxy; umask 077; echo one >ca.pem; echo secret >config.env~; mkdir more
    head -c 2000000 /dev/zero >large'
  check "reload with other files in the directory" inside systemctl reload claude-proxy
  check "… copies them for the service alone" inside_sh 'cd /run/claude-proxy-configuration &&
    grep -q one ca.pem && [ "$(stat -c "%a %u" ca.pem)" = "600 $(stat -c %u /run/claude-proxy)" ]'
  check "… but no backups, and what it leaves out it names" eval \
    'inside_sh "cd /run/claude-proxy-configuration; ls -A; [ \"\$(ls -A | wc -l)\" = 2 ]" &&
     has "$(journal -o cat)" "claude-proxy/large cannot be seen by the service: it has more" &&
     has "$(journal -o cat)" "claude-proxy/more cannot be seen by the service: it is not a file"'
  inside_sh 'cd /etc/claude-proxy; rm -r ca.pem config.env~ more large
    systemctl reload claude-proxy'
  check "… and takes the copies away with the files" inside_sh \
    '[ "$(ls -A /run/claude-proxy-configuration)" = config.env ]'
}

# 0.1.0 had a conffile, which is no more.
check_conffile_of_old() {
  local edit
  for edit in "" "OPENROUTER_MODEL=sim/kept"; do
    inside apt-get purge -y -q claude-proxy >/dev/null 2>&1
    install_package /root/older.deb >/dev/null 2>&1
    [ -z "$edit" ] || inside_sh "echo $edit >>/etc/claude-proxy/config.env"
    check "an upgrade from a conffile ${edit:+that was edited}" install_package /root/newer.deb
    check "… asks nothing and serves" eval 'eventually is ActiveState active && get /health'
    check "… leaves no conffile and no copy" inside_sh \
      '! dpkg-query -W -f "\${Conffiles}" claude-proxy | grep config.env &&
       [ "$(ls /etc/claude-proxy)" = config.env ]'
    if [ -n "$edit" ]; then
      check "… keeps what was written" inside grep -qx "$edit" /etc/claude-proxy/config.env
    else
      check "… and is short now" inside_sh '[ "$(wc -l </etc/claude-proxy/config.env)" -le 5 ]'
    fi
    check "… 0600" inside_sh '[ "$(stat -c "%a %U" /etc/claude-proxy/config.env)" = "600 root" ]'
  done
  inside_sh 'umask 077; mkdir -p /etc/credstore; echo sk-test >/etc/credstore/claude-proxy.api_key'
}

# As in a container (Containerfile): nobody, without capabilities or anything to write to.
check_demo_without_privileges() {
  inside timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
    --no-new-privs claude-proxy demo --listen 127.0.0.1:8100 2>/dev/null &
  local demo=$!
  check "the demo runs without privileges" eventually healthy 8100
  check "… and answers" eval 'has "$(ask claude-sonnet-4-5 8100)" "event: message_stop"'
  wait $demo
}

# What Debian's own machinery runs on the installed package (debian/tests).
check_autopkgtest() {
  machine_put "$root/debian/tests/service" root/autopkgtest
  # As it is after an installation.
  inside systemctl start claude-proxy
  check "the autopkgtest passes" inside sh /root/autopkgtest
  base_settings | settings
  inside systemctl stop claude-proxy
}

# What logcheck(8) mails and what it does not, by the rules of the package.
check_logcheck() {
  local rules=/etc/logcheck/ignore.d.server/claude-proxy
  inside cp $rules /tmp/rules
  ignored() { inside_sh "journalctl -q -u claude-proxy -t claude-proxy --no-pager -o short $1 |
    grep -Evf /tmp/rules"; }
  check "logcheck passes over requests that went well" lacks \
    "$(ignored 'OUTCOME=completed')" " claude-proxy["
  local id life=
  for id in b73fe0b6b43e475784b95398c4891ce3 f3442dfe31754b538dd42ff6e2680040 \
    4d8bfcf402394f52adc290f2a4274c85; do
    life+=" ${life:++ }MESSAGE_ID=$id"
  done
  check "… over start, reload and stop" lacks "$(ignored "$life")" " claude-proxy["
  check "… and reports those that failed, and a configuration that is wrong" eval \
    'has "$(ignored OUTCOME=failed)" "POST /v1/messages 400" &&
     has "$(ignored MESSAGE_ID=9fac2632085a4667b79b1ef2ab54f760)" "was not reloaded"'
}

check_socket_with_group() {
  check "the documented way to a local socket" eval 'documented "*the* way to a local socket" &&
    documented "Then, wherever it is to listen"'
  check "a local socket belongs to the group that was named" inside_sh \
    '[ "$(stat -c "%a %G" /run/claude-proxy.sock)" = "660 www-data" ]'
  cat >"$scratch/member.pl" <<'EOF'
use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Peer => "/run/claude-proxy.sock") or die "no socket: $!";
print $socket "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
print while <$socket>;
EOF
  machine_put "$scratch/member.pl" tmp/member.pl
  check "… whose members can use it" eval 'has "$(inside setpriv --reuid 65534 --regid www-data \
    --clear-groups perl /tmp/member.pl)" "200 OK"'
  check "… and others cannot" fails inside setpriv --reuid 65534 --regid 65534 --clear-groups \
    perl /tmp/member.pl
  check "… and Claude Code is told of it" has "$(inside claude-proxy env --shell sh)" \
    "^export ANTHROPIC_UNIX_SOCKET='/run/claude-proxy.sock';"
  inside_sh 'systemctl disable --now claude-proxy.socket; systemctl stop claude-proxy
    systemctl reset-failed claude-proxy; rm -r /etc/systemd/system/claude-proxy.socket.d
    systemctl daemon-reload; systemctl start claude-proxy' 2>/dev/null
  check "the documented way to more memory and a proxy for outgoing traffic" eval \
    'documented "Change anything with a drop-in" && is MemoryMax 4294967296 && healthy'
  inside_sh 'rm -r /etc/systemd/system/claude-proxy.service.d; systemctl daemon-reload
    systemctl restart claude-proxy'
}
