# Responds with the request as WEBrick reads it: see ../reading.rs.
require "digest"
require "webrick"

class Echo < WEBrick::HTTPServlet::AbstractServlet
  def service(request, response)
    lines = ["method #{request.request_method.unpack1("H*")}", "target #{request.unparsed_uri.unpack1("H*")}"]
    request.header.each do |name, values|
      values.each { |value| lines << "header #{name.unpack1("H*")} #{value.unpack1("H*")}" }
    end
    lines << "body #{Digest::SHA256.hexdigest(request.body || "")}"
    response.body = lines.join("\n")
  end
end

# Another thread serves each connection. WEBrick itself listens on TCP only.
server = WEBrick::HTTPServer.new(DoNotListen: true, AccessLog: [], Logger: WEBrick::Log.new(File::NULL))
server.mount("/", Echo)
server.instance_variable_set(:@status, :Running)
listener = UNIXServer.new(ENV.fetch("SOCKET"))
loop do
  Thread.new(listener.accept) do |connection|
    server.run(connection)
  rescue SystemCallError, IOError
    # The client has closed.
  ensure
    connection.close unless connection.closed?
  end
end
