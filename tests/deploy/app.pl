# A sample app: writes each request line and body to /run/app.log, and accepts it.
use strict;
use IO::Socket::INET;

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 3000, Listen => 50, ReuseAddr => 1)
    or die "cannot listen: $!";
while (my $client = $server->accept) {
    my ($first, $length) = ('', 0);
    while (defined(my $line = <$client>)) {
        $line =~ s/\r?\n//;
        last if $line eq '';
        $first ||= $line;
        $length = $1 if $line =~ /^content-length: *(\d+)/i;
    }
    # The gate connects at its start to see whether the app is there.
    next if $first eq '';
    read $client, my $body, $length;
    open my $log, '>>', '/run/app.log' or die "cannot write: $!";
    print $log "$first $body\n";
    close $log;
    print $client "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    close $client;
}
