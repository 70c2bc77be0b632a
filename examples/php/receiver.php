<?php
// A small receiver behind the gate, for PHP 8.1 or later, without packages.
//
// The gate has verified the body, so this app needs no secret. This requires that all requests pass through
// the gate. PHP's own server listens only on TCP, where every user of this machine can connect to loopback. In
// production, run this file with PHP-FPM behind a web server that listens on a Unix socket of this user.
//
// The check of X-Cartgate-Verdict is no protection, because any client can write that header. It detects an
// app that was deployed without its gate. Laravel reads the same headers with $request->header('X-Cartgate-Event').
//
// Each request runs this file anew, so a file (STATE=…) has the ids of processed deliveries. An app with a
// database keeps them there, in the same transaction as its work.
//
// Try it, in three terminals:
//
//   STATE=/tmp/receiver.ids php -S 127.0.0.1:3000 examples/php/receiver.php
//
//   printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
//   cargo run -- serve --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/hooks --event order \
//       --secret-file secret.txt
//
//   cargo run -- send http://127.0.0.1:8080/ --secret-file secret.txt
//   cargo run -- send http://127.0.0.1:8080/ --secret-file secret.txt --forge all

declare(strict_types=1);

/** Returns the status for a delivery. */
function take(string $body): int
{
    if (own_header('VERDICT') !== 'verified') {
        error_log('a request that did not come through the gate');
        return 403;
    }
    $delivery = json_decode($body, true);
    if (!is_array($delivery)) {
        return 422; // signed, but not what this app expects: the merchant edited the payload
    }
    $id = json_encode($delivery['id'] ?? null);
    $state = fopen(getenv('STATE') ?: __DIR__ . '/receiver.ids', 'a+');
    if ($state === false || !flock($state, LOCK_EX)) {
        return 503; // the gate reports it, and an inbox tries again
    }
    // A delivery can arrive twice, as a retry or a replay. Only the app knows the orders that it has processed.
    if ($id !== 'null' && in_array($id, explode("\n", (string) stream_get_contents($state, offset: 0)), true)) {
        report("known already: $id");
        return 200;
    }
    handle($id);
    fwrite($state, "$id\n");
    return 200; // 2xx only now: anything else is an error line in the gate's log
}

function handle(string $id): void
{
    $kind = own_header('EVENT') ?? 'unknown'; // absent unless the gate has an event setting
    // "endpoint": set for this path in the gate. "payload": read from the signed body.
    $source = own_header('EVENT_SOURCE');
    $delivery = own_header('DELIVERY'); // the same id as in the gate's log
    report("$kind (by $source) $id, delivery $delivery");
}

/** PHP reads X-Cartgate-Event and X_Cartgate_Event as the same name. The gate lets only its own pass. */
function own_header(string $name): ?string
{
    return $_SERVER["HTTP_X_CARTGATE_$name"] ?? null;
}

function report(string $line): void
{
    file_put_contents('php://stdout', "$line\n");
}

http_response_code(take((string) file_get_contents('php://input')));
