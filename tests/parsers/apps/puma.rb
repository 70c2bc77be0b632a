# Puma's configuration, with an app that responds with the request as Puma reads it: see ../reading.rs.
require "digest"

bind "unix://#{ENV.fetch("SOCKET")}"
threads 8, 8
quiet

app do |env|
  lines = ["method #{env["REQUEST_METHOD"].unpack1("H*")}", "target #{env["REQUEST_URI"].unpack1("H*")}"]
  env.each do |name, value|
    # `HTTP_VERSION` is a variable of Puma, and no header.
    next if name == "HTTP_VERSION" || !name.match?(/\A(HTTP_|CONTENT_(TYPE|LENGTH)\z)/)

    name = name.delete_prefix("HTTP_").downcase.tr("_", "-")
    lines << "header #{name.unpack1("H*")} #{value.unpack1("H*")}"
  end
  lines << "body #{Digest::SHA256.hexdigest(env["rack.input"].read)}"
  [200, { "Content-Type" => "text/plain" }, [lines.join("\n")]]
end
