"""RTMP in, HLS and DASH out, without transcoding: CPU per stream-minute and memory per channel, beside nginx with its RTMP module."""

import contextlib
import time

import measure

NGINX = """
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
user root; worker_processes 1; daemon off; worker_rlimit_nofile 19000;
pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
rtmp {{ access_log off; server {{ listen 127.0.0.1:{rtmp}; chunk_size 4096; ping 30s;
  application live {{ live on; record off; hls on; hls_path {folder}/hls; hls_nested on; hls_fragment 2s; hls_playlist_length 60s; hls_cleanup on; }}
}} }}
"""


def run(report, quick):
    channels, seconds, runs = (4, 15, 1) if quick else (10, 60, 3)
    results = {"headwater": [], "nginx-rtmp": []}
    roles, memory = {}, {}
    with measure.work_folder() as shared:
        clip = measure.clip(shared, 30)
        for _ in range(runs):
            for who in results:
                with measure.work_folder() as folder, contextlib.ExitStack() as exit:
                    server, rtmp = (headwater if who == "headwater" else nginx)(exit, folder, channels)
                    for index in range(channels):
                        push = [measure.need("ffmpeg"), "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1:{rtmp}/live/c{index}"]
                        exit.enter_context(measure.running(push))
                    time.sleep(8)
                    before = snapshot(server.pid)
                    time.sleep(seconds)
                    after = snapshot(server.pid)
                    spent = {name: cpu - before.get(name, (0, 0))[0] for name, (cpu, _) in after.items()}
                    per_minute = sum(spent.values()) * 60 / seconds / channels
                    results[who].append(per_minute)
                    if who == "headwater":
                        for name, cpu in spent.items():
                            roles.setdefault(name, []).append(cpu * 60 / seconds / channels)
                            memory.setdefault(name, []).append(after[name][1])
    for who, values in results.items():
        target = {"target": "0.10, aim for nginx's"} if who == "headwater" else {}
        report(case="passthrough CPU", who=who, unit="CPU-s per stream-minute", median=measure.median(values), runs=values, **target)
    ratio = [ours / theirs for ours, theirs in zip(results["headwater"], results["nginx-rtmp"])]
    report(case="passthrough CPU", who="headwater / nginx-rtmp", unit="ratio", median=measure.median(ratio), runs=ratio)
    for name, values in sorted(roles.items()):
        report(case="passthrough CPU by role", who=name, unit="CPU-s per stream-minute", median=measure.median(values), runs=values)
        report(case=f"resident memory, {channels} channels", who=name, unit="MiB", median=measure.median(memory[name]) / 2**20, runs=[value / 2**20 for value in memory[name]])


def headwater(exit, folder, channels):
    text = "".join(f'[[channel]]\nname = "c{index}"\ninput = {{ rtmp = "live/c{index}" }}\nladder = "passthrough"\n' for index in range(channels))
    process, ports = exit.enter_context(measure.stack(folder, text))
    return process, ports["rtmp"]


def nginx(exit, folder, channels):
    (rtmp,) = measure.free_ports(1)
    (folder / "hls").mkdir()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, rtmp=rtmp))
    process = exit.enter_context(measure.running([measure.need("nginx"), "-c", folder / "nginx.conf", "-p", folder]))
    time.sleep(1)
    return process, rtmp


def snapshot(pid):
    """CPU seconds and resident bytes of each process of a tree, by name."""
    found = {}
    for member in measure.descendants(pid):
        with contextlib.suppress(OSError):
            name = measure.name_of(member)
            cpu, resident = found.get(name, (0, 0))
            found[name] = (cpu + measure.cpu_seconds(member), resident + measure.resident_bytes(member))
    return found
