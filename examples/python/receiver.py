# A small receiver behind the gate, for Python 3.9 or later, with the standard library only.
#
# The gate has verified the body, so this app needs no secret. This requires that all requests pass through
# the gate. Therefore the app listens on a Unix socket that only this user can open (SOCKET=…), and the gate
# must run as the same user. On loopback (PORT=…) every user of this machine can connect.
#
# The check of X-Cartgate-Verdict is no protection, because any client can write that header. It detects an
# app that was deployed without its gate. Flask reads the same headers with request.headers["X-Cartgate-Event"],
# Django with request.headers, too.
#
# Try it, in three terminals:
#
#   PORT=3000 python3 examples/python/receiver.py
#
#   printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
#   cargo run -- serve --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/hooks --event order \
#       --secret-file secret.txt
#
#   cargo run -- send http://127.0.0.1:8080/ --secret-file secret.txt
#   cargo run -- send http://127.0.0.1:8080/ --secret-file secret.txt --forge all

import json
import os
import signal
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

seen = set()  # an app with a database keeps them there, in the same transaction as its work
lock = threading.Lock()


def take(headers, body):
    """Returns the status for a delivery."""
    if headers["X-Cartgate-Verdict"] != "verified":
        print("a request that did not come through the gate", file=sys.stderr)
        return 403
    try:
        delivery = json.loads(body)
        event_id = delivery.get("id")
    except (ValueError, AttributeError):
        event_id = []
    if not isinstance(event_id, (str, int, type(None))):
        return 422  # signed, but not what this app expects: the merchant edited the payload
    with lock:
        # A delivery can arrive twice, as a retry or a replay. Only the app knows the orders that it has processed.
        if event_id is not None and event_id in seen:
            print("known already:", event_id)
            return 200
        handle(headers, delivery)
        seen.add(event_id)
    return 200  # 2xx only now: anything else is an error line in the gate's log


def handle(headers, delivery):
    kind = headers.get("X-Cartgate-Event", "unknown")  # absent unless the gate has an event setting
    # "endpoint": set for this path in the gate. "payload": read from the signed body.
    source = headers["X-Cartgate-Event-Source"]
    delivery_id = headers["X-Cartgate-Delivery"]  # the same id as in the gate's log
    print(f"{kind} (by {source}) {delivery.get('id')}, delivery {delivery_id}")


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open; the gate closes them after 3 s without a delivery

    def receive(self):
        # The gate has rebuilt the request: it has exactly one Content-Length, and no chunks.
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(take(self.headers, body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = receive

    def log_message(self, *_):
        pass  # the gate logs each request


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def listen():
    path = os.environ.get("SOCKET")
    if not path:
        return TcpServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Receiver)
    if os.path.exists(path):
        os.unlink(path)  # left behind by a run that was killed
    os.umask(0o177)  # the socket is for this user alone, from its first moment
    return UnixServer(path, Receiver)


def main():
    sys.stdout.reconfigure(line_buffering=True)
    server = listen()
    for number in (signal.SIGINT, signal.SIGTERM):
        # shutdown() waits for the loop, which this thread runs.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print("listening on", server.server_address)
    server.serve_forever()
    server.server_close()


main()
