-- Prosody for the comparison: what Debian ships, on loopback, with its epoll network back-end and
-- accounts that clients make themselves. What limits a client by default would measure the limit.
run_as_root = true
local place = os.getenv("COMPARE_PLACE")
network_backend = "epoll"
interfaces = { "127.0.0.1" }
c2s_ports = { tonumber(os.getenv("COMPARE_PORT")) }
c2s_direct_tls_ports = {}
s2s_ports = {}
http_ports = {}
https_ports = {}
modules_enabled = { "roster", "saslauth", "disco", "ping", "register", "presence" }
modules_disabled = { "s2s", "tls", "limits", "http" }
plugin_paths = {}
allow_registration = true
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
authentication = "internal_plain"
storage = "internal"
data_path = place
pidfile = place .. "/prosody.pid"
certificates = place
log = { warn = place .. "/prosody.log" }
gc = { mode = "incremental" }
VirtualHost "localhost"
