#!/usr/bin/perl
# Run inside the sandbox of claude-proxy.service: tries what a service that was broken into would
# try and prints one line a try, `what: OK` or `what: the error`. Perl is in every Debian.
use strict;
use warnings;
use Errno;
use Fcntl;
use POSIX ();
use Socket;

sub told {
    my ($what, $succeeded) = @_;
    my ($name) = $succeeded ? ('OK') : (grep { $!{$_} } keys %!);
    print "$what: ", $name // "error $!", "\n";
}

for my $path ('/etc/x', '/usr/x', '/var/x', '/tmp/x', "$ENV{RUNTIME_DIRECTORY}/x") {
    told("write $path", open(my $file, '>', $path));
}
for my $path ('/root/mark', '/home/mark', '/tmp/mark', '/proc/1/status', '/proc/sys/kernel/ostype',
    '/dev/kmsg', '/etc/shadow', '/etc/credstore/claude-proxy.api_key',
    '/etc/claude-proxy/config.env', '/run/claude-proxy-configuration/config.env',
    "$ENV{CREDENTIALS_DIRECTORY}/claude-proxy.api_key") {
    told("read $path", open(my $file, '<', $path));
}
# Numbers of x86-64 and of the generic table (arm64); PROT_* and MAP_* are the same on both.
my $isIntel = (POSIX::uname())[4] eq 'x86_64';
my %call = $isIntel
    ? (mmap => 9, mount => 165, unshare => 272, io_uring_setup => 425, ptrace => 101)
    : (mmap => 222, mount => 40, unshare => 97, io_uring_setup => 425, ptrace => 117);
told('mmap writable and executable', syscall($call{mmap}, 0, 4096, 7, 0x22, -1, 0) != -1);
told('mount', syscall($call{mount}, 0, 0, 0, 0, 0) != -1);
told('unshare', syscall($call{unshare}, 0x10000000) != -1);
told('io_uring_setup', syscall($call{io_uring_setup}, 1, 0) != -1);
told('ptrace', syscall($call{ptrace}, 0, 0, 0, 0) != -1);
told('socket AF_PACKET', socket(my $packet, 17, SOCK_RAW, 0));
told('socket AF_NETLINK', socket(my $netlink, 16, SOCK_RAW, 0));
told('socket AF_INET', socket(my $inet, AF_INET, SOCK_STREAM, 0));
open(my $status, '<', '/proc/self/status') or die;
while (<$status>) { print if /^(Uid|Cap|NoNewPrivs|Seccomp:)/ }
