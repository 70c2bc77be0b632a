# A small receiver behind the gate, for Ruby 2.7 or later, with the standard library only.
#
# It parses HTTP by hand, which no app on a network should do. Behind the gate this is possible, because the gate
# has parsed and rebuilt the request: every request has exactly one Content-Length, which is the length of the
# verified body, and no chunks. An app with a web server (Puma, Rails, Sinatra) reads the same headers, such as
# request.get_header("HTTP_X_CARTGATE_EVENT").
#
# The check of the verdict is valid only if all requests pass through the gate, because any client can write that
# header. Therefore the app listens on a Unix socket of this user (SOCKET=…), or at least on loopback (PORT=…).
#
# Try it, in three terminals:
#
#   PORT=3000 ruby examples/ruby/receiver.rb
#
#   printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
#   cargo run -- serve --listen 127.0.0.1:8080 --upstream http://127.0.0.1:3000/hooks --event order \
#       --secret-file secret.txt
#
#   cargo run -- send http://127.0.0.1:8080/ --secret-file secret.txt --method PUT
#   cargo run -- send http://127.0.0.1:8080/ --secret-file secret.txt --forge all

require "json"
require "socket"

SEEN = {} # an app with a database keeps them there, in the same transaction as its work
LOCK = Mutex.new

def take(headers, body)
  unless headers["x-cartgate-verdict"] == "verified"
    warn "a request that did not come through the gate"
    return "403 Forbidden"
  end
  delivery = JSON.parse(body)
  # Signed, but not what this app expects: the merchant edited the payload.
  return "422 Unprocessable Content" unless delivery.is_a?(Hash)

  LOCK.synchronize do
    # A delivery can arrive twice, as a retry or a replay. Only the app knows the orders that it has processed.
    id = delivery["id"]
    if !id.nil? && SEEN.key?(id)
      puts "known already: #{id}"
    else
      handle(headers, delivery)
      SEEN[id] = true
    end
  end
  "200 OK" # 2xx only now: anything else is an error line in the gate's log
rescue JSON::ParserError
  "422 Unprocessable Content"
end

def handle(headers, delivery)
  kind = headers.fetch("x-cartgate-event", "unknown") # absent unless the gate has an event setting
  # "endpoint": set for this path in the gate. "payload": read from the signed body.
  source = headers["x-cartgate-event-source"]
  puts "#{kind} (by #{source}) #{delivery["id"]}, delivery #{headers["x-cartgate-delivery"]}"
end

def serve(connection)
  # The gate sends requests one after another on a connection, and closes it after 3 s without one.
  while connection.gets("\r\n")
    headers = {}
    while (line = connection.gets("\r\n")) && line != "\r\n"
      name, value = line.chomp.split(":", 2)
      headers[name.downcase] = value.strip
    end
    body = connection.read(headers.fetch("content-length", "0").to_i)
    connection.write("HTTP/1.1 #{take(headers, body)}\r\nContent-Length: 0\r\n\r\n")
  end
rescue Errno::ECONNRESET, Errno::EPIPE
  # The gate stopped waiting, and has logged that.
ensure
  connection.close
end

def listen
  socket = ENV["SOCKET"]
  return TCPServer.new("127.0.0.1", Integer(ENV.fetch("PORT", "3000"))) unless socket

  File.unlink(socket) if File.socket?(socket)
  File.umask(0o177)
  UNIXServer.new(socket)
end

$stdout.sync = true
server = listen
puts "listening on #{ENV.fetch("SOCKET", "127.0.0.1:#{ENV.fetch("PORT", "3000")}")}"
begin
  loop { Thread.new(server.accept) { |connection| serve(connection) } }
rescue Interrupt
  puts "stopped"
end
