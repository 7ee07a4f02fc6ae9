vcl 4.1;
# Varnish: bodies go on to clients while they arrive (do_stream).
backend default {
  .host = "127.0.0.1"; .port = "@ORIGIN@";
  .first_byte_timeout = 60s; .between_bytes_timeout = 30s;
}
sub vcl_backend_response { set beresp.do_stream = true; set beresp.grace = 10s; }
