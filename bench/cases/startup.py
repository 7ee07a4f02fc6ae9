"""`headwater up` to the first playable segment, cold: from the publisher's first key frame, and from the start."""

import time

import measure


def run(report, quick):
    runs = 3 if quick else 7
    after_key_frame, built_in = [], []
    with measure.work_folder() as shared:
        clip = measure.clip(shared, 20, size="640x360", bitrate="700k", group=30)
        for _ in range(runs):
            with measure.work_folder() as folder:
                channel = '[[channel]]\nname = "cam"\ninput = { rtmp = "live/cam" }\nladder = "passthrough"\n'
                with measure.stack(folder, channel) as (_, ports):
                    url = f"rtmp://127.0.0.1:{ports['rtmp']}/live/cam"
                    push = [measure.need("ffmpeg"), "-nostdin", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", url]
                    metrics = f"http://127.0.0.1:{ports['metrics']}/metrics"
                    with measure.running(push):
                        measure.wait_until(lambda: frames(metrics) > 0, "the first frame arrives", interval=0.005)
                        began = time.monotonic()
                        measure.wait_until(lambda: playable(ports, "cam"), "a segment is playable")
                        after_key_frame.append(time.monotonic() - began)
            with measure.work_folder() as folder:
                channel = '[[channel]]\nname = "demo"\ninput = "test"\npreset = "ultrafast"\nladder = ["360p30", "240p30"]\n'
                began = time.monotonic()
                with measure.stack(folder, channel) as (_, ports):
                    measure.wait_until(lambda: playable(ports, "demo"), "a segment is playable")
                    built_in.append(time.monotonic() - began)
    report(case="first segment after key frame", who="headwater passthrough", unit="s", median=measure.median(after_key_frame), runs=after_key_frame, target="4 (2 s and a 2 s segment)")
    report(case="first segment after start", who="headwater test source", unit="s", median=measure.median(built_in), runs=built_in)


def frames(metrics):
    _, text = measure.fetch(metrics)
    values = [float(line.rpartition(" ")[2]) for line in text.decode().splitlines() if line.startswith("headwater_ingest_video_frames_total")]
    return sum(values)


def playable(ports, channel):
    """Whether the first listed segment of every rendition can be had."""
    base = f"http://127.0.0.1:{ports['viewers']}/{channel}/"
    status, text = measure.fetch(base + "index.m3u8")
    if status != 200:
        return False
    variants = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
    for variant in variants:
        status, text = measure.fetch(base + variant)
        segments = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
        if status != 200 or not segments:
            return False
        if measure.fetch(base + variant.rpartition("/")[0] + "/" + segments[0])[0] != 200:
            return False
    return bool(variants)
