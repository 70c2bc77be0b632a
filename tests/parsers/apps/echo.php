<?php
// Responds with the request as PHP reads it: see ../reading.rs.
$lines = [
    "method " . bin2hex($_SERVER["REQUEST_METHOD"]),
    "target " . bin2hex($_SERVER["REQUEST_URI"]),
];
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, "HTTP_")) {
        $name = substr($name, strlen("HTTP_"));
    } elseif ($name !== "CONTENT_TYPE" && $name !== "CONTENT_LENGTH") {
        continue;
    } elseif ($value === "") {
        continue; // FastCGI has these two also if the request has not.
    }
    $name = strtolower(strtr($name, "_", "-"));
    $lines["header $name"] = "header " . bin2hex($name) . " " . bin2hex($value);
}
$lines[] = "body " . hash("sha256", file_get_contents("php://input"));
$text = implode("\n", $lines);
header("Content-Type: text/plain");
header("Content-Length: " . strlen($text));
echo $text;
