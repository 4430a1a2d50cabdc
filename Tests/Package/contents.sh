# Sourced by run: what is in the package and in the release, looked at without a machine.

check_package() {
  suite=package
  dpkg-deb -x "$deb" "$scratch/package"
  check "lintian: no error, warning or information that is not explained" lintian_is_silent
  check "commands are in the manual and in all completions" documents_name_all_commands
  check "the documents are there, and what they link to" documents_are_linked
  check "a bug report has what is needed, and no secret" bug_script_reports
  check "the release has tarball, bill of materials and right checksums" release_is_complete
  check "the debugging symbols are in a package of their own" eval \
    'ls "$(dirname "$deb")"/claude-proxy-dbgsym_*.deb'
  newer_package "$scratch/newer.deb"
  older_package "$scratch/older.deb"
}

documents_are_linked() {
  local file link
  cd "$scratch/package/usr/share/doc/claude-proxy" || return 1
  [ -e README.Debian ] || [ -e README.Debian.gz ] || return 1
  find . -name '*.md' | grep -q operations.md || return 1
  find . -name '*.md' | while read -r file; do
    grep -oE '\]\([^)#: ]+' "$file" | cut -c3- | while read -r link; do
      # Beside the documents stands the example, and what only the sources have.
      case ${link##*/} in
      http* | config.example.env | CONTRIBUTING.md | Containerfile | LICENSE) continue ;;
      esac
      [ -e "$(dirname "$file")/$link" ] || echo "$file: $link is not there"
    done
  done | grep . && return 1
  grep -q 'doc/claude-proxy/docs/operations.md' ../../../lib/systemd/system/claude-proxy.service
}

release_is_complete() {
  (cd "$root" && Scripts/make-release --packaged) >/dev/null || return 1
  cd "$root/build/release" || return 1
  sha256sum -c --quiet SHA256SUMS || return 1
  cmp "$deb" "$(basename "$deb")" || return 1
  tar -xzf ./*.tar.gz -C "$scratch" || return 1
  cmp "$scratch"/claude-proxy-*-linux-*/bin/claude-proxy "$scratch/package/usr/bin/claude-proxy" &&
    python3 - ./*.spdx.json <<'EOF'
import json, sys
document = json.load(open(sys.argv[1]))
names = {package["name"] for package in document["packages"]}
missing = {"claude-proxy", "swift-runtime", "swift-log", "swift-argument-parser", "zlib", "libcurl4"} - names
assert not missing, missing
known = {package["SPDXID"] for package in document["packages"]} | {document["SPDXID"]}
for relation in document["relationships"]:
    assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= known, relation
EOF
}

bug_script_reports() {
  local output
  output=$(cd "$scratch" && env -i PATH="$scratch/package/usr/bin:$PATH" \
    OPENROUTER_API_KEY=sk-test-secret CLAUDE_PROXY_UPSTREAM_URL=http://127.0.0.1:1/v1 \
    package/usr/share/bug/claude-proxy 3>&1)
  has "$output" claude-proxy && has "$output" 'OPENROUTER_API_KEY=\(set\)' &&
    lacks "$output" sk-test-secret
}

documents_name_all_commands() {
  local commands command file manual
  commands=$("$scratch/package/usr/bin/claude-proxy" --help | awk '/^SUBCOMMANDS:/ { on = 1; next }
    on && /^  [a-z]/ { print $1 }')
  [ "$(wc -w <<<"$commands")" -ge 6 ] || return 1
  cd "$scratch/package/usr/share" || return 1
  manual=$(zcat man/man8/claude-proxy.8.gz | sed 's/\\-/-/g')
  for command in $commands; do
    grep -qx "\.B $command" <<<"$manual" || {
      echo "the manual page has no $command"
      return 1
    }
    for file in bash-completion/completions/claude-proxy zsh/vendor-completions/_claude-proxy \
      fish/vendor_completions.d/claude-proxy.fish; do
      grep -q -- "$command" "$file" || {
        echo "$file has no $command"
        return 1
      }
    done
  done
  bash -c '. bash-completion/completions/claude-proxy && complete -p claude-proxy' >/dev/null
}

lintian_is_silent() {
  local output
  output=$(lintian --allow-root -EvIL '>=info' "${deb%.deb}.changes" 2>&1 | grep '^[EWI]:')
  echo "$output"
  [ -z "$output" ]
}
