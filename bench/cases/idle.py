"""What fill and failover cost while nothing happens: CPU of the encoder for one 720p30 source and two rungs, encoded at once without any
of it, and live: with one input, with a backup that does not publish, and with one that does and whose every fault is looked for."""

import contextlib
import time

import measure

PRESET = "superfast"
LADDER = ["720p30", "360p30"]
WATCHED = """backup = { rtmp = "live/backup" }
[channel.failover]
on = ["loss", "black", "silence", "frozen"]
"""
# What the channel adds, and who publishes.
LIVE = {
    "one input": ("", ["main"]),
    "a backup that is away": ('backup = { rtmp = "live/backup" }\n', ["main"]),
    "a backup, all watched": (WATCHED, ["main", "backup"]),
}


def run(report, quick):
    seconds, runs = (10, 1) if quick else (40, 5)
    results = {"at once, without": []} | {who: [] for who in LIVE}
    with measure.work_folder() as shared:
        clip = measure.clip(shared, 20, bitrate="4000k")
        at_once = [measure.binary("headwater-encoder"), "bench", clip, "--ladder", ",".join(LADDER), "--preset", PRESET]
        for _ in range(runs):
            results["at once, without"].append(measure.run_cpu(at_once) / 20)
            for who, (settings, publishers) in LIVE.items():
                results[who].append(live(clip, settings, publishers, seconds))
    for who, values in results.items():
        report(case="encoder CPU, nothing happens", who=who, unit="CPU-s per stream second", median=measure.median(values), runs=values)
    for who in LIVE:
        ratio = [one / base for one, base in zip(results[who], results["at once, without"])]
        report(case="encoder CPU, nothing happens", who=f"{who} / without", unit="ratio", median=measure.median(ratio), runs=ratio)


def live(clip, settings, publishers, seconds):
    rungs = ", ".join(f'"{rung}"' for rung in LADDER)
    channel = f'[[channel]]\nname = "main"\ninput = {{ rtmp = "live/main" }}\npreset = "{PRESET}"\nladder = [{rungs}]\n{settings}'
    with measure.work_folder() as folder, contextlib.ExitStack() as exit:
        process, ports = exit.enter_context(measure.stack(folder, channel))
        for name in publishers:
            push = [measure.need("ffmpeg"), "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1:{ports['rtmp']}/live/{name}"]
            exit.enter_context(measure.running(push))
        playlist = f"http://127.0.0.1:{ports['viewers']}/main/{LADDER[0]}/index.m3u8"
        measure.wait_until(lambda: b".m4s" in measure.fetch(playlist)[1], "the channel plays")
        time.sleep(6)
        encoders = [pid for pid in measure.descendants(process.pid) if measure.name_of(pid) == "encoder"]
        before = sum(map(measure.cpu_seconds, encoders))
        time.sleep(seconds)
        return (sum(map(measure.cpu_seconds, encoders)) - before) / seconds
