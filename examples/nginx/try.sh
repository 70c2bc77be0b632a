#!/bin/sh
# Runs an app, a gate and nginx from a temporary directory, and sends deliveries through them.
# Needs nginx, node and a built cartgate. From the root of the project:  sh examples/nginx/try.sh
set -eu

cartgate=${CARTGATE:-target/debug/cartgate}
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'kill $started 2>/dev/null; wait; rm -rf "$dir"' EXIT
started=

printf 'correct-horse-battery-staple' > "$dir/secret"
chmod 600 "$dir/secret"
sed -e "s#/run/cartgate.sock#$dir/gate.sock#" -e 's/listen 80;/listen 127.0.0.1:8081;/' \
    "$here/cartgate.conf" > "$dir/site.conf"
cat > "$dir/nginx.conf" <<END
daemon off;
pid $dir/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    include $dir/site.conf;
}
END
[ "$(id -u)" != 0 ] || sed -i '1i user root;' "$dir/nginx.conf" # or its workers could not open the socket

nginx -t -q -c "$dir/nginx.conf"
SOCKET=$dir/app.sock node "$here/../node/receiver.mjs" &
started="$started $!"
"$cartgate" serve --listen "unix:$dir/gate.sock" --upstream "unix:$dir/app.sock" --path /webhooks/orders \
    --secret-file "$dir/secret" --event order --trusted-proxy unix &
started="$started $!"
until [ -S "$dir/app.sock" ] && [ -S "$dir/gate.sock" ]; do sleep 0.1; done
nginx -c "$dir/nginx.conf" &
started="$started $!"
curl --silent --output /dev/null --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:8081/

"$cartgate" send http://127.0.0.1:8081/webhooks/orders --secret-file "$dir/secret"
"$cartgate" send http://127.0.0.1:8081/webhooks/orders --secret-file "$dir/secret" --forge all
