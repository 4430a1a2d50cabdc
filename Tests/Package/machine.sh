# Sourced by bash, as root: a Debian that lives as long as the test, booted with systemd as PID 1.
# It has a network of its own (loopback only) and a tmpfs over a tree that is never written to.
#
#   machine_up TREE       boots it; succeeds when it is `running`
#   inside CMD...         runs a program of the machine, inside it
#   inside_sh 'COMMANDS'  the same through its shell
#   nearby CMD...         runs a program of this host in the machine's network
#   machine_put FILE PATH copies a file in
#   machine_down          powers it off and removes every trace; call it from a trap on EXIT
#
# MACHINE_CGROUPS=v2 shows the machine cgroup v2 only, on a host that also has v1. The machine's
# cgroups lie below the caller's own, so that whatever limits the caller limits the machine too.

# Prints the machine's folder in each hierarchy.
_machine_cgroups() {
  local number controllers path folder
  while IFS=: read -r number controllers path; do
    case $controllers in
    '') [ -e /sys/fs/cgroup/unified ] && folder=/unified || folder= ;;
    name=systemd) folder=/systemd ;;
    memory | pids) folder=/$controllers ;;
    *) continue ;;
    esac
    [ ! -e "/sys/fs/cgroup$folder/cgroup.procs" ] ||
      echo "/sys/fs/cgroup$folder${path%/}/$MACHINE"
  done </proc/$BASHPID/cgroup
}

_machine_init='
set -e
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
  touch "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
cgroups=$root/sys/fs/cgroup
if [ -e /sys/fs/cgroup/cgroup.procs ] || [ "$2" = v2 ]; then
  mount -t cgroup2 cgroup2 "$cgroups"
else # a hybrid host: the controllers are on version 1
  mount -t tmpfs -o mode=755 tmpfs "$cgroups"
  for controller in memory pids; do
    mkdir "$cgroups/$controller"
    mount -t cgroup -o "$controller" cgroup "$cgroups/$controller"
  done
  mkdir "$cgroups/unified" "$cgroups/systemd"
  mount -t cgroup2 cgroup2 "$cgroups/unified"
  mount -t cgroup -o none,name=systemd cgroup "$cgroups/systemd"
fi
cd "$root"
pivot_root . mnt
umount -l /mnt
# systemd leaves this out in a container, and without it credentials never reach their services.
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --log-target=journal
'

machine_up() {
  local tree=$1 folder i
  MACHINE_WORK=$(mktemp -d -t claude-proxy-machine.XXXXXX)
  MACHINE=cpm-${MACHINE_WORK##*.}
  ip netns add "$MACHINE" && ip -n "$MACHINE" link set lo up
  mkdir "$MACHINE_WORK/layer" "$MACHINE_WORK/root"
  mount -t tmpfs -o size=1g,mode=755 tmpfs "$MACHINE_WORK/layer"
  mkdir "$MACHINE_WORK/layer/upper" "$MACHINE_WORK/layer/work"
  chmod 755 "$MACHINE_WORK" "$MACHINE_WORK/layer/upper"
  mount -t overlay overlay "$MACHINE_WORK/root" -o \
    "lowerdir=$tree,upperdir=$MACHINE_WORK/layer/upper,workdir=$MACHINE_WORK/layer/work"
  MACHINE_CGROUP_FOLDERS=$(_machine_cgroups)
  (
    for folder in $MACHINE_CGROUP_FOLDERS; do
      mkdir -p "$folder"
      sh -c "echo \$PPID >$folder/cgroup.procs"
    done
    exec ip netns exec "$MACHINE" \
      unshare --pid --fork --mount --cgroup --ipc --uts --kill-child \
      bash -c "$_machine_init" init "$MACHINE_WORK/root" "${MACHINE_CGROUPS:-}" \
      </dev/null >"$MACHINE_WORK/console" 2>&1
  ) &
  MACHINE_STARTER=$!
  LEADER=
  for i in $(seq 400); do
    read -r LEADER _ </proc/$MACHINE_STARTER/task/$MACHINE_STARTER/children || :
    [ -n "$LEADER" ] && [ "$(cat "/proc/$LEADER/comm")" = systemd ] &&
      inside test -S /run/systemd/private && break
    kill -0 $MACHINE_STARTER || {
      cat "$MACHINE_WORK/console"
      return 1
    }
    sleep 0.05
  done 2>/dev/null
  [ "$(inside systemctl is-system-running --wait)" = running ]
}

inside() {
  nsenter -t "$LEADER" -a --wd="/proc/$LEADER/root" -- env -i \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root "$@"
}
inside_sh() { inside sh -c "cd /; $1"; }
nearby() { ip netns exec "$MACHINE" "$@"; }
machine_put() { cp "$1" "/proc/$LEADER/root/$2"; }

machine_down() {
  [ -n "${MACHINE_WORK:-}" ] || return 0
  local i folder
  [ -z "${LEADER:-}" ] || kill -s RTMIN+4 "$LEADER" 2>/dev/null # as systemctl poweroff
  for i in $(seq 100); do
    kill -0 $MACHINE_STARTER 2>/dev/null || break
    sleep 0.1
  done
  kill -9 $MACHINE_STARTER 2>/dev/null
  wait $MACHINE_STARTER 2>/dev/null
  umount "$MACHINE_WORK/root"
  umount "$MACHINE_WORK/layer"
  ip netns del "$MACHINE"
  for folder in $MACHINE_CGROUP_FOLDERS; do
    [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} +
  done
  rm -rf --one-file-system "$MACHINE_WORK"
  MACHINE_WORK=
}
