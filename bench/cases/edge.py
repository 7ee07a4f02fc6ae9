"""Hot objects through the edge, beside nginx as a tuned caching proxy: server CPU per request and per GB.

Runs in a network namespace of its own whose loopback uses cubic: a pacing congestion control (bbr) makes bulk transfers over
loopback several times dearer and hides what the servers cost. Needs root for the namespace.
"""

import contextlib
import json
import os
import subprocess

import measure

CONNECTIONS = 64
ORIGIN_PORT, NGINX_PORT, EDGE_PORT = 18000, 18081, 18080

ORIGIN = """
user root; worker_processes 1; daemon off; pid {folder}/origin.pid; error_log {folder}/origin.log warn;
events {{ worker_connections 4096; }}
http {{ access_log off; types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }}
  client_body_temp_path {folder}/o1; proxy_temp_path {folder}/o2; fastcgi_temp_path {folder}/o3; uwsgi_temp_path {folder}/o4; scgi_temp_path {folder}/o5;
  server {{ listen 127.0.0.1:{origin}; root {folder}/files; add_header Cache-Control "public, max-age=3600"; }} }}
"""

# Every switch that makes nginx fast for this work: sendfile, kept connections to the origin, no access log, files held open.
PROXY = """
user root; worker_processes 2; worker_rlimit_nofile 19000; daemon off; pid {folder}/proxy.pid; error_log {folder}/proxy.log warn;
events {{ worker_connections 8000; use epoll; multi_accept on; }}
http {{ access_log off; server_tokens off; sendfile on; sendfile_max_chunk 1m; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 75s; keepalive_requests 100000000;
  open_file_cache max=20000 inactive=60s; open_file_cache_valid 30s; open_file_cache_min_uses 1;
  client_body_temp_path {folder}/p1; proxy_temp_path {folder}/p2; fastcgi_temp_path {folder}/p3; uwsgi_temp_path {folder}/p4; scgi_temp_path {folder}/p5;
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=live:16m max_size=1g inactive=10m use_temp_path=off;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; }}
  server {{ listen 127.0.0.1:{nginx} reuseport backlog=4096;
    location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_cache live; proxy_cache_key $request_uri;
      proxy_cache_valid 200 1h; proxy_cache_lock on; }} }} }}
"""


def run(report, quick):
    seconds, runs = (2, 2) if quick else (5, 5)
    with measure.work_folder() as folder, contextlib.ExitStack() as exit:
        inside = exit.enter_context(namespace())
        (folder / "files").mkdir()
        (folder / "files" / "list.m3u8").write_bytes(b"#" * 2048)
        (folder / "files" / "segment.m4s").write_bytes(os.urandom(1 << 20))
        for name, text in (("origin", ORIGIN), ("proxy", PROXY)):
            (folder / f"{name}.conf").write_text(text.format(folder=folder, origin=ORIGIN_PORT, nginx=NGINX_PORT))
        nginx = measure.need("nginx")
        exit.enter_context(measure.running([*inside, nginx, "-c", folder / "origin.conf", "-p", folder]))
        proxy = exit.enter_context(measure.running([*inside, nginx, "-c", folder / "proxy.conf", "-p", folder]))
        example = lambda name: measure.need(measure.BINARIES / "examples" / name)
        edge = exit.enter_context(measure.running([*inside, example("edge"), f"127.0.0.1:{EDGE_PORT}", f"http://127.0.0.1:{ORIGIN_PORT}", "2", "512"]))
        servers = {"nginx": (NGINX_PORT, proxy), "headwater": (EDGE_PORT, edge)}
        for port, _ in servers.values():
            for path in ("list.m3u8", "segment.m4s"):
                warm = [*inside, "python3", "-c", f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/{path}').read()"]
                measure.wait_until(lambda: subprocess.run(warm, stderr=subprocess.DEVNULL).returncode == 0, f"{port} serves {path}")
        for path, unit, figure in (("list.m3u8", "CPU µs per request", "cpu_us_per_request"), ("segment.m4s", "CPU ms per GB", "cpu_ms_per_gb")):
            found = {who: [] for who in servers}
            for _ in range(runs):
                for who, (port, process) in servers.items():
                    pids = ",".join(map(str, measure.descendants(process.pid)))
                    load = [*inside, example("load"), f"127.0.0.1:{port}", f"/{path}", str(CONNECTIONS), str(seconds), pids]
                    found[who].append(json.loads(subprocess.check_output([str(word) for word in load]))[figure])
            case = f"edge, hot {'2 KB playlist' if path.endswith('8') else '1 MB segment'}"
            for who, values in found.items():
                report(case=case, who=who, unit=unit, median=measure.median(values), runs=values)
            ratio = [ours / theirs for ours, theirs in zip(found["headwater"], found["nginx"])]
            report(case=case, who="headwater / nginx", unit="ratio", median=measure.median(ratio), runs=ratio, target=1.3)


@contextlib.contextmanager
def namespace():
    """The words before a command that run it in a network namespace of this bench's own."""
    name = f"headwater-bench-{os.getpid()}"
    ip = measure.need("ip")
    if subprocess.run([ip, "netns", "add", name]).returncode != 0:
        raise SystemExit("the edge case needs a network namespace: run it as root")
    inside = [ip, "netns", "exec", name]
    try:
        subprocess.run([*inside, ip, "link", "set", "lo", "up"], check=True)
        # 127.0.0.1 has a route of its own, more specific than 127.0.0.0/8's: that is the one to change.
        route = "table local local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1 congctl cubic"
        subprocess.run([*inside, ip, "route", "replace", *route.split()], check=True)
        yield inside
    finally:
        subprocess.run([ip, "netns", "delete", name])
