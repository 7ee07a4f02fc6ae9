"""Hot objects through the edge, beside nginx, HAProxy, Varnish and Traffic Server: server CPU per request and per GB.

The load comes from h2load (Debian's nghttp2-client), 64 connections, one thread; over HTTP/2 each asks for 8 playlists
or 2 segments at once. Over HTTP/3 it comes from bench-client, in the same manner, and Headwater is alone: no server in Debian
speaks it. CPU time is all that the server's processes took from before its first connection to after its last.
"""

import contextlib
import json
import re

import measure
import peers

CONNECTIONS = 64
OBJECTS = {"2 KB playlist": 2048, "1 MB segment": 1 << 20}
# The best peer's figures that are to be met (docs/bench.md), as a ratio to the best peer of the run.
TARGETS = {("tls", "1 MB segment"): 0.8, ("h2", "1 MB segment"): 0.8}


def run(report, quick, part=None):
    seconds, runs = (1, 2) if quick else (2, 5)
    for protocol in [part] if part else peers.PROTOCOLS:
        with contextlib.ExitStack() as exit:
            place = peers.Place(exit)
            servers = [exit.enter_context(place.server(name)) for name in peers.chosen()]
            if "headwater" in peers.chosen() and not any(server.name == "headwater" and protocol in server.urls for server in servers):
                print(f"skipped: {peers.PROTOCOLS[protocol]}: this edge does not speak it", flush=True)
                continue
            servers = [server for server in servers if protocol in server.urls]
            for name, size in OBJECTS.items():
                # The floor has one answer, however long the one that is asked for.
                measured = [server for server in servers if server.name != "floor" or name == "2 KB playlist"]
                case = f"edge, hot {name}, {peers.PROTOCOLS[protocol]}"
                found = {server.name: [] for server in measured}
                for server in measured:
                    load(place, server, protocol, size, 1)
                for _ in range(runs):
                    for server in measured:
                        found[server.name].append(load(place, server, protocol, size, seconds))
                compare(report, case, name, found, TARGETS.get((protocol, name), 1.0))


def compare(report, case, name, found, target):
    unit = "CPU µs per request" if name == "2 KB playlist" else "CPU ms per GB"
    for who, values in found.items():
        report(case=case, who=who, unit=unit, median=measure.median(values), runs=values)
    others = {who: values for who, values in found.items() if who not in ("headwater", "floor")}
    if others and "headwater" in found:
        best = min(others, key=lambda who: measure.median(others[who]))
        ratio = [ours / theirs for ours, theirs in zip(found["headwater"], others[best])]
        report(case=case, who=f"headwater / {best}", unit="ratio", median=measure.median(ratio), runs=ratio, target=target)


def load(place, server, protocol, size, seconds):
    """CPU µs per request, or ms per GB of bodies."""
    large = size >= 1 << 20
    before = server.cpu_seconds()
    done, moved = (by_http3 if protocol == "h3" else by_h2load)(place, server, protocol, size, seconds, 2 if large else 8)
    cpu = server.cpu_seconds() - before
    return cpu * 1e12 / moved if large else cpu * 1e6 / done


def by_http3(place, server, protocol, size, seconds, at_once):
    """Answers, and bytes of their bodies."""
    words = ["--certificate", place.folder / "cert.pem", "--connections", CONNECTIONS, "--streams", at_once, "--seconds", seconds]
    address = server.urls[protocol].removeprefix("https://")
    told = json.loads(place.output(place.client, "http3", address, f"/hot/{size}", *words))
    return told["answers"], told["bytes"]


def by_h2load(place, server, protocol, size, seconds, at_once):
    """The same; where the protocol knows no requests at once, one after the other."""
    words = ["--h1"] if protocol in ("http1", "tls") else ["-m", at_once]
    out = place.output(measure.need("h2load"), *words, "-c", CONNECTIONS, "-t", "1", "-D", seconds, f"{server.urls[protocol]}/hot/{size}")
    done, moved = int(re.search(r"(\d+) succeeded", out).group(1)), int(re.search(r"\((\d+)\) data", out).group(1))
    if not done or not re.search(r"0 failed, 0 errored.*\nstatus codes: \d+ 2xx, 0 3xx, 0 4xx, 0 5xx", out):
        raise SystemExit(f"{server.name} over {protocol}:\n{out}")
    return done, moved
