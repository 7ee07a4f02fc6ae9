"""What each input protocol costs: CPU of ingest per stream-minute for the same 1080p passthrough stream by RTMP, SRT, UDP, RTP, and RTP by
two legs with error correction."""

import contextlib
import time

import measure

PASSPHRASE = "a-long-passphrase"

# How a channel says it, and how ffmpeg sends it. Ports are taken in steps of ten, so that correction has room.
INPUTS = {
    "rtmp": ('{{ rtmp = "live/c{index}" }}', ["-f", "flv", "rtmp://127.0.0.1:{rtmp}/live/c{index}"]),
    "srt, in the clear": ('{{ srt = "c{index}" }}', ["-f", "mpegts", "srt://127.0.0.1:{srt}?streamid=c{index}"]),
    "srt, AES-256": (
        '{{ srt = "c{index}", passphrase = "' + PASSPHRASE + '" }}',
        ["-f", "mpegts", "srt://127.0.0.1:{srt}?streamid=c{index}&pbkeylen=32&passphrase=" + PASSPHRASE],
    ),
    "udp": ('{{ udp = "127.0.0.1:{port}" }}', ["-f", "mpegts", "udp://127.0.0.1:{port}?pkt_size=1316"]),
    "rtp": ('{{ rtp = "127.0.0.1:{port}" }}', ["-f", "rtp_mpegts", "rtp://127.0.0.1:{port}?pkt_size=1328"]),
    "rtp, error correction": (
        '{{ rtp = "127.0.0.1:{port}", fec = true }}',
        ["-f", "rtp_mpegts", "-fec", "prompeg=l=5:d=20", "rtp://127.0.0.1:{port}?pkt_size=1328"],
    ),
    "rtp, two legs": (
        '{{ rtp = "127.0.0.1:{port}", second = "127.0.0.1:{second}" }}',
        ["-map", "0", "-f", "tee", "[f=rtp_mpegts]rtp://127.0.0.1:{port}?pkt_size=1328|[f=rtp_mpegts]rtp://127.0.0.1:{second}?pkt_size=1328"],
    ),
}
FIRST_PORT = 21_000


def run(report, quick):
    channels, seconds, runs = (2, 10, 1) if quick else (6, 60, 3)
    results, rates = {}, {}
    with measure.work_folder() as shared:
        clip = measure.clip(shared, 30, size="1920x1080", bitrate="5M")
        for _ in range(runs):
            for who, (source, output) in INPUTS.items():
                with measure.work_folder() as folder, contextlib.ExitStack() as exit:
                    places = [{"index": index, "port": FIRST_PORT + 20 * index, "second": FIRST_PORT + 20 * index + 10} for index in range(channels)]
                    text = "".join(f'[[channel]]\nname = "c{place["index"]}"\ninput = {source.format(**place)}\nladder = "passthrough"\n' for place in places)
                    process, ports = exit.enter_context(measure.stack(folder, text))
                    for place in places:
                        words = [word.format(**place, **ports) for word in output]
                        codecs = ["-c", "copy"] if "flv" in output else ["-c", "copy", "-bsf:v", "h264_mp4toannexb"]
                        push = [measure.need("ffmpeg"), "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", clip, *codecs, *words]
                        exit.enter_context(measure.running(push, log=folder / f"push-{place['index']}"))
                    (ingest,) = [pid for pid in measure.descendants(process.pid) if measure.name_of(pid) == "ingest"]
                    publishing = lambda: figure(ports, "headwater_ingest_publishers{") == channels
                    measure.wait_until(publishing, f"{channels} publishers by {who}")
                    time.sleep(5)
                    before = measure.cpu_seconds(ingest), figure(ports, "headwater_ingest_bytes_total{")
                    time.sleep(seconds)
                    after = measure.cpu_seconds(ingest), figure(ports, "headwater_ingest_bytes_total{")
                    results.setdefault(who, []).append((after[0] - before[0]) * 60 / seconds / channels)
                    rates.setdefault(who, []).append((after[1] - before[1]) * 8 / seconds / channels / 1e6)
    for who, values in results.items():
        report(case="ingest CPU, 1080p passthrough", who=who, unit="CPU-s per stream-minute", median=measure.median(values), runs=values)
        report(case="bitrate taken", who=who, unit="Mbit/s", median=measure.median(rates[who]), runs=rates[who])


def figure(ports, name):
    """The sum of a metric over its channels."""
    _, page = measure.fetch(f"http://127.0.0.1:{ports['metrics']}/metrics")
    lines = (line for line in page.decode().splitlines() if line.startswith(name))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
