#!/usr/bin/perl
# GRE of the lab's foreign router: a TUN interface on one side, a raw socket of protocol 47 on the other.
# strongSwan's user-space ESP carries GRE but makes none, and the kernel may have no GRE. Written apart from Brunel's own
# codec, in the one scripting language that every Debian has, so that the two can prove each other.
#   gre-router.pl INTERFACE LOCAL REMOTE [KEY] [checksum] [sequence]
use strict;
use warnings;
use Socket qw(:DEFAULT :addrinfo);
use Fcntl;

my ($name, $local, $remote, $key, @options) = @ARGV;
my %with = map { $_ => 1 } @options;
my $family = $remote =~ /:/ ? AF_INET6 : AF_INET;
my $address = sub {
  my ($error, $found) = getaddrinfo($_[0], '', { family => $family, socktype => SOCK_RAW, flags => AI_NUMERICHOST });
  die "$_[0]: $error\n" if $error;
  return $found->{addr};
};

use constant { TUNSETIFF => 0x400454ca, IFF_TUN => 1, IFF_NO_PI => 0x1000 };
sysopen(my $tun, '/dev/net/tun', O_RDWR) or die "/dev/net/tun: $!\n";
ioctl($tun, TUNSETIFF, pack('Z16 S x22', $name, IFF_TUN | IFF_NO_PI)) or die "$name: $!\n";
socket(my $raw, $family, SOCK_RAW, 47) or die "raw socket: $!\n";
setsockopt($raw, SOL_SOCKET, SO_RCVBUF, 4 << 20);
bind($raw, $address->($local)) or die "$local: $!\n";
my $to = $address->($remote);
my $sequence = 0;

sub checksum {
  my ($bytes) = @_;
  $bytes .= "\0" if length($bytes) % 2;
  my $sum = unpack('%32n*', $bytes);
  $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
  return ~$sum & 0xffff;
}

sub encapsulate {
  my ($payload) = @_;
  my $type = (ord($payload) >> 4) == 6 ? 0x86dd : 0x0800;
  my $flags = ($with{checksum} ? 0x8000 : 0) | ($key ? 0x2000 : 0) | ($with{sequence} ? 0x1000 : 0);
  my $tail = ($key ? pack('N', $key) : '') . ($with{sequence} ? pack('N', $sequence++) : '');
  my $head = pack('n2', $flags, $type);
  return $head . $tail . $payload unless $with{checksum};
  return $head . pack('n2', checksum($head . "\0\0\0\0" . $tail . $payload), 0) . $tail . $payload;
}

sub decapsulate {
  my ($packet) = @_;
  $packet = substr($packet, (ord($packet) & 15) * 4) if $family == AF_INET;
  return undef if length($packet) < 4;
  my ($flags, $type) = unpack('n2', $packet);
  return undef if $flags & 0x4c07;
  return undef if $type != 0x0800 && $type != 0x86dd;
  my $at = 4;
  if ($flags & 0x8000) { return undef if checksum($packet); $at += 4 }
  return undef if !!($flags & 0x2000) != !!$key;
  if ($flags & 0x2000) { return undef if unpack('N', substr($packet, $at, 4)) != $key; $at += 4 }
  $at += 4 if $flags & 0x1000;
  return substr($packet, $at);
}

$| = 1;
print "ready\n";
my $want = '';
vec($want, fileno($tun), 1) = 1;
vec($want, fileno($raw), 1) = 1;
while (1) {
  select(my $ready = $want, undef, undef, undef) < 0 and next;
  if (vec($ready, fileno($tun), 1) && sysread($tun, my $inner, 65535)) {
    send($raw, encapsulate($inner), 0, $to);
  }
  if (vec($ready, fileno($raw), 1) && defined recv($raw, my $outer, 65535, 0)) {
    my $inner = decapsulate($outer);
    syswrite($tun, $inner) if defined $inner && length $inner;
  }
}
