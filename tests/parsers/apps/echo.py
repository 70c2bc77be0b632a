"""Responds with the request as gunicorn (WSGI) or uvicorn (ASGI) reads it: see ../reading.rs."""

import hashlib


def line(*parts):
    word, *rest = parts
    return " ".join([word, *(part.hex() for part in rest)])


def wsgi(environ, start_response):
    lines = [
        line("method", environ["REQUEST_METHOD"].encode("latin-1")),
        line("target", environ["RAW_URI"].encode("latin-1")),
    ]
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            name = name[len("HTTP_") :]
        elif name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            continue
        name = name.lower().replace("_", "-")
        lines.append(line("header", name.encode(), value.encode("latin-1")))
    body = environ["wsgi.input"].read()
    lines.append("body " + hashlib.sha256(body).hexdigest())
    text = "\n".join(lines).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    lines = [line("method", scope["method"].encode()), line("target", target)]
    lines += [line("header", name, value) for name, value in scope["headers"]]
    digest, more = hashlib.sha256(), True
    while more:
        message = await receive()
        digest.update(message.get("body", b""))
        more = message.get("more_body", False)
    lines.append("body " + digest.hexdigest())
    text = "\n".join(lines).encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})
