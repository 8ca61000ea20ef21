#!/usr/bin/perl
# Sends packets of a pool at a steady rate: a stranger who means no good.
#   flood.pl TARGET PACKETS-PER-SECOND SECONDS [AT-MOST] < POOL
# A machine that cannot reach the rate takes AT-MOST seconds for the same number. SIGTERM ends it sooner.
# POOL: lines of `udpPORT HEX`, `esp HEX`, `gre HEX`, `ip HEX` (a whole packet, its source as it says). UDP packets of one length leave many to a call
# (UDP_SEGMENT), else a scripting language would not reach the rate. Prints how many of each kind were sent.
use strict;
use warnings;
use Socket qw(:DEFAULT);
use Time::HiRes qw(time sleep);

my ($target, $rate, $seconds, $most) = @ARGV;
$most //= $seconds;
use constant { SOL_UDP => 17, UDP_SEGMENT => 103, TOGETHER => 40 };
my %protocol = (esp => 50, gre => 47, ip => 255); # 255, IPPROTO_RAW, takes the IP header from us
my (%pool, %sockets);
while (<STDIN>) {
  my ($kind, $hex) = split or next;
  push @{ $pool{"$kind " . length($hex) / 2} }, pack('H*', $hex);
}

# Each shot: socket, bytes, address, packets.
my @shots;
for my $group (sort keys %pool) {
  my ($kind, $length) = split ' ', $group;
  my @packets = @{ $pool{$group} };
  if ($kind =~ /^udp(\d+)$/) {
    my $port = $1;
    my $socket = $sockets{$group} //= do { socket(my $s, PF_INET, SOCK_DGRAM, 0) or die "socket: $!\n"; $s };
    setsockopt($socket, SOL_UDP, UDP_SEGMENT, pack('i', $length)) or die "UDP_SEGMENT: $!\n";
    my $to = pack_sockaddr_in($port, inet_aton($target));
    while (my @some = splice(@packets, 0, TOGETHER)) {
      push @shots, [$socket, join('', @some), $to, scalar @some, $kind];
    }
  } else {
    my $socket = $sockets{$kind} //= do { socket(my $s, PF_INET, SOCK_RAW, $protocol{$kind}) or die "raw: $!\n"; $s };
    my $to = pack_sockaddr_in(0, inet_aton($target));
    push @shots, map { [$socket, $_, $to, 1, $kind] } @packets;
  }
}
die "no packets\n" unless @shots;

# Mixed, so that no kind comes in a row; always the same way.
srand(1);
for my $i (reverse 1 .. $#shots) { my $j = int(rand($i + 1)); @shots[$i, $j] = @shots[$j, $i] }

$| = 1;
print "ready\n";
my ($sent, $next, %count) = (0, 0);
my $all = $rate * $seconds;
$SIG{TERM} = sub { $most = 0 };
my $began = time;
while ((my $elapsed = time - $began) < $most && $sent < $all) {
  my $due = $elapsed * $rate;
  $due = $all if $due > $all;
  if ($sent >= $due) { sleep(0.0005); next }
  while ($sent < $due && time - $began < $most) {
    my ($socket, $bytes, $to, $packets, $kind) = @{ $shots[$next++ % @shots] };
    $count{$kind} += $packets if defined send($socket, $bytes, 0, $to);
    $sent += $packets;
  }
}
print join(' ', map { "$_=$count{$_}" } sort keys %count), "\n";
