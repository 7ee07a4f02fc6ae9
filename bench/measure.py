"""What every case needs: CPU and memory of process trees, free ports, processes that are stopped for certain."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARIES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
TICKS = os.sysconf("SC_CLK_TCK")


def need(program):
    """The path of a program, or an exit that names it."""
    found = shutil.which(str(program))
    if not found:
        raise SystemExit(f"missing: {program} (run `make build test-deps`)")
    return found


def binary(name):
    return need(BINARIES / name)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def stat_fields(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def descendants(pid):
    """`pid` and every process below it, now."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry)] = int(stat_fields(entry)[1])
    found, frontier = [pid], [pid]
    while frontier:
        frontier = [child for child, parent in parents.items() if parent in frontier]
        found += frontier
    return found


def cpu_seconds(pid):
    """User and system time of one process, its threads included."""
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def tree_cpu_seconds(pid):
    total = 0.0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            total += cpu_seconds(member)
    return total


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def name_of(pid):
    """`ingest`, `origin`, `edge`, `encoder`, or the program's own name."""
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    if words[0].endswith("headwater-encoder"):
        return "encoder"
    if words[0].endswith("headwater") and len(words) > 1:
        return words[1]
    return pathlib.Path(words[0]).name


@contextlib.contextmanager
def running(command, ready=None, log=None, **options):
    """Runs a command for the length of the block; always stops it and what it started."""
    output = open(log, "w") if log else subprocess.DEVNULL
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
    )
    try:
        if ready:
            wait_until(ready, f"{command[0]} is ready")
        yield process
    finally:
        members = descendants(process.pid)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)


def wait_until(question, what, limit=60, interval=0.02):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(interval)
    raise SystemExit(f"never happened: {what}")


def fetch(url, timeout=10):
    """Status and body; status 0 where there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as fault:
        return fault.code, b""
    except OSError:
        return 0, b""


def run_cpu(command, **options):
    """Runs a command to its end; CPU seconds (user and system) it and its children took."""
    before = os.times()
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def median(values):
    return statistics.median(values)


@contextlib.contextmanager
def work_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="headwater-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def stack(folder, channels, control="off"):
    """`headwater up` with these channels; gives its process and ports (viewers, origin, rtmp, srt, metrics; control where that is "on")."""
    names = ("viewers", "origin", "rtmp", "srt", "metrics") + (("control",) if control == "on" else ())
    ports = dict(zip(names, free_ports(len(names))))
    listen = "".join(f'{name} = "127.0.0.1:{port}"\n' for name, port in ports.items())
    off = "" if control == "on" else 'control = "off"\n'
    (folder / "workflow.toml").write_text(f"[listen]\n{listen}{off}\n{channels}")
    command = [binary("headwater"), "up", "workflow.toml", "--data", "data"]
    healthy = lambda: fetch(f"http://127.0.0.1:{ports['viewers']}/health")[0] == 200
    with running(command, ready=healthy, log=folder / "log", cwd=folder) as process:
        yield process, ports


def clip(folder, seconds, size="1280x720", bitrate="1400k", group=60):
    """An H.264 and AAC clip of moving pictures, made once."""
    path = folder / f"clip-{size}-{bitrate}-{seconds}.mp4"
    if not path.exists():
        subprocess.run(
            [need("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
             "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate, "-g", str(group),
             "-keyint_min", str(group), "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "100k", "-ac", "2", str(path)],
            check=True, stdin=subprocess.DEVNULL)
    return path
