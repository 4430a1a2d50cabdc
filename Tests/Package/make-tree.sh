#!/usr/bin/env bash
# make-tree.sh SUITE DIRECTORY: a minimal Debian with systemd as its init, the lower layer of the
# machine that machine.sh boots. Made once (a minute, 160 MB) and never written to afterwards.
# MIRROR=URL chooses the archive; without it, the one that this host's apt uses.
set -euo pipefail

suite=$1 directory=$2
# jq is for the questions that the README asks the journal.
packages=systemd,systemd-sysv,dbus,libpam-systemd,ca-certificates,libsystemd0,libstdc++6,libgcc-s1,jq
case $suite in
bookworm) packages+=,libcurl4 ;;
*) packages+=,libcurl4t64 ;;
esac
[ "$(cat "$directory/.complete" 2>/dev/null)" != "$packages" ] || exit 0

mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
  awk '/debian/ && !/security/ { print; exit }')}

part=$directory.part
fetch() {
  rm -rf --one-file-system "$part" "$directory" && mkdir -p "$part" || return
  # When mmdebstrap fails, it sends SIGHUP to its whole process group, in which make, its caller and
  # the other tree would be.
  setsid --wait mmdebstrap --quiet --variant=minbase --include=$packages \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    "$suite" - "$mirror" | tar -C "$part" -xf -
}
echo "Making a Debian tree ($suite) in $directory"
if ! fetch; then
  echo "Once more ($suite): the archive may have failed for a moment"
  fetch
fi
echo '127.0.0.1 localhost' >"$part/etc/hosts"
# libkmod of Debian 13 fails where there is no /lib/modules.
ln -sf /dev/null "$part/etc/systemd/system/systemd-modules-load.service"
echo "$packages" >"$part/.complete"
mv "$part" "$directory"
