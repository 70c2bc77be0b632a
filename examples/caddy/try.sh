#!/bin/sh
# Runs an app, a gate and Caddy from a temporary directory, and sends deliveries through them.
# Needs caddy, node and a built cartgate. From the root of the project:  sh examples/caddy/try.sh
set -eu

cartgate=${CARTGATE:-target/debug/cartgate}
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'kill $started 2>/dev/null; wait; rm -rf "$dir"' EXIT
started=

printf 'correct-horse-battery-staple' > "$dir/secret"
chmod 600 "$dir/secret"
export SITE=http://127.0.0.1:8081 GATE=127.0.0.1:8082 HOME="$dir" XDG_CONFIG_HOME="$dir" XDG_DATA_HOME="$dir"

caddy validate --config "$here/Caddyfile" --adapter caddyfile
SOCKET=$dir/app.sock node "$here/../node/receiver.mjs" &
started="$started $!"
"$cartgate" serve --listen "$GATE" --upstream "unix:$dir/app.sock" --path /webhooks/orders \
    --secret-file "$dir/secret" --event order --trusted-proxy 127.0.0.1 &
started="$started $!"
until [ -S "$dir/app.sock" ]; do sleep 0.1; done
caddy run --config "$here/Caddyfile" --adapter caddyfile &
started="$started $!"
curl --silent --output /dev/null --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:8081/

"$cartgate" send http://127.0.0.1:8081/webhooks/orders --secret-file "$dir/secret"
"$cartgate" send http://127.0.0.1:8081/webhooks/orders --secret-file "$dir/secret" --forge all
