// A small receiver behind the gate, for Node 18 or later, without packages.
//
// The gate has verified the body, so this app needs no secret. This requires that all requests pass through
// the gate. Therefore the app listens on a Unix socket that only this user can open, and the gate must run as
// the same user. On loopback (PORT=3000 instead of SOCKET) every user of this machine can connect.
//
// The check of X-Cartgate-Verdict is no protection, because any client can write that header. It detects an
// app that was deployed without its gate.
//
// Try it, in three terminals:
//
//   SOCKET=/tmp/receiver.sock node examples/node/receiver.mjs
//
//   printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
//   cargo run -- serve --listen 127.0.0.1:8080 --upstream unix:/tmp/receiver.sock --path /webhooks \
//       --secret-file secret.txt --event-pointer /event --event-order order.processed \
//       --event-abandoned-cart cart.abandoned
//
//   cargo run -- send http://127.0.0.1:8080/webhooks --secret-file secret.txt
//   cargo run -- send http://127.0.0.1:8080/webhooks --secret-file secret.txt --forge all

import { createServer } from "node:http";
import { existsSync, unlinkSync } from "node:fs";

const seen = new Set(); // an app with a database keeps them there, in the same transaction as its work

const server = createServer(async (request, response) => {
  if (request.headers["x-cartgate-verdict"] !== "verified") {
    console.error("a request that did not come through the gate");
    return answer(response, 403);
  }
  let delivery;
  try {
    delivery = JSON.parse(await read(request));
  } catch {
    return answer(response, 422); // signed, but not what this app expects: the merchant edited the payload
  }
  // A delivery can arrive twice, as a retry or a replay. Only the app knows the orders that it has processed.
  if (delivery?.id !== undefined && seen.has(delivery.id)) {
    console.log("known already:", delivery.id);
    return answer(response, 200);
  }
  handle(request.headers, delivery);
  seen.add(delivery?.id);
  answer(response, 200); // 2xx only now: anything else is an error line in the gate's log
});

function handle(headers, delivery) {
  const id = headers["x-cartgate-delivery"]; // the same id as in the gate's log
  switch (headers["x-cartgate-event"]) {
    case "order":
      return console.log("order", delivery.order?.number, "delivery", id);
    case "abandoned-cart":
      return console.log("abandoned cart", delivery.cart?.token, "delivery", id);
    default:
      return console.log("something else, delivery", id);
  }
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk); // the gate bounds it: --max-body
  return Buffer.concat(chunks).toString("utf8");
}

function answer(response, status) {
  response.writeHead(status).end();
}

// Another HOST only in a network where the gate alone can connect, as that of examples/compose.
const { SOCKET, PORT = "3000", HOST = "127.0.0.1" } = process.env;
if (SOCKET) {
  if (existsSync(SOCKET)) unlinkSync(SOCKET); // left behind by a run that was killed
  process.umask(0o177); // the socket is for this user alone, from its first moment
  server.listen(SOCKET, () => console.log("listening on", SOCKET));
} else {
  server.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections(); // those that the gate keeps open for the next delivery
  });
}
