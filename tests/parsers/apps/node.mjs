// Responds with the request as Node reads it: see ../reading.rs.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const hex = (text) => Buffer.from(text, "latin1").toString("hex");

createServer((request, response) => {
    const lines = [`method ${hex(request.method)}`, `target ${hex(request.url)}`];
    const raw = request.rawHeaders;
    for (let place = 0; place < raw.length; place += 2) {
        lines.push(`header ${hex(raw[place])} ${hex(raw[place + 1])}`);
    }
    const hash = createHash("sha256");
    request.on("data", (chunk) => hash.update(chunk));
    request.on("end", () => {
        lines.push(`body ${hash.digest("hex")}`);
        response.end(lines.join("\n"));
    });
}).listen(process.env.SOCKET);
