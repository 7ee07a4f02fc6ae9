"""What live video asks of an edge, beside the peers and the test origin itself: herds of viewers who wait for one object, readers of an
object that still grows, and what reaches the origin as viewers grow a hundredfold (plot: docs/edge-origin-requests.svg).

Origin and viewers are `bench-client`, over HTTP/1.1; each server is started afresh for each figure.
"""

import contextlib
import itertools
import json

import measure
import peers
import plot

HERD = 10_000
VIEWERS = [10, 30, 100, 300, 1000]
numbers = itertools.count()


def run(report, quick, part=None):
    parts = {"blocked": blocked, "misses": misses, "open": open_object, "viewers": viewers}
    with contextlib.ExitStack() as exit:
        place = peers.Place(exit)
        for name in [part] if part else parts:
            parts[name](report, place, quick)


def blocked(report, place, quick):
    herd(report, place, quick, f"{HERD // 1000},000 blocked reloads", 2_048, memory=True)


def misses(report, place, quick):
    herd(report, place, quick, f"{HERD // 1000},000 misses of a 64 KB object", 65_536, memory=False)


def herd(report, place, quick, case, size, memory):
    options = lambda server: ["--viewers", HERD, "--bytes", size, *(word for pid in server.pids() for word in ("--pids", pid))]
    found = rounds(place, 1 if quick else 3, "herd", options)
    each(report, f"{case}: origin fetches", "requests", found, "fetches", targets={"headwater": 1})
    each(report, f"{case}: not answered", "viewers", found, "failed", targets={"headwater": 0})
    each(report, f"{case}: fan-out p50", "ms", found, "p50_ms")
    each(report, f"{case}: fan-out p99", "ms", found, "p99_ms")
    if "headwater" in found:
        ratio = [ours["p99_ms"] / theirs["p99_ms"] for ours, theirs in zip(found["headwater"], found["origin alone"])]
        report(case=f"{case}: fan-out p99", who="headwater / origin alone", unit="ratio", median=measure.median(ratio), runs=ratio, target=1.5)
    if memory:
        del found["origin alone"]
        each(report, f"{case}: memory each", "KiB", found, "kib_per_viewer", targets={"headwater": 16})


def open_object(report, place, quick):
    found = rounds(place, 1 if quick else 2, "open", lambda server: ["--objects", 1 if quick else 2])
    case = "growing object, 50 readers"
    for key, words in (("p50_ms", "chunk delay p50"), ("p99_ms", "chunk delay p99"), ("late_p50_ms", "late joiners p50"), ("late_p99_ms", "late joiners p99")):
        each(report, f"{case}: {words}", "ms", found, key, targets={"headwater": 2} if key == "p50_ms" else {})
    each(report, f"{case}: origin fetches", "requests", found, "fetches_per_object", targets={"headwater": 1})
    each(report, f"{case}: not answered", "readers", found, "failed", targets={"headwater": 0})


def viewers(report, place, quick):
    curves = {}
    for name in ["origin alone", *peers.chosen(floor=False)]:
        with served(place, name) as (address, _):
            for count in VIEWERS[:3] if quick else VIEWERS:
                figures = client(place, "viewers", address, "--viewers", count, "--segments", 4)
                requests = figures["origin_requests_per_segment"]
                curves.setdefault(name, []).append((count, requests))
                target = {"target": 2} if name == "headwater" else {}
                report(case=f"{count} viewers: origin requests a segment", who=name, unit="requests", median=requests, runs=[requests], **target)
                if figures["failed"]:
                    report(case=f"{count} viewers: failed", who=name, unit="viewers", median=figures["failed"], runs=[figures["failed"]])
    if not quick and "headwater" in curves:
        path = measure.ROOT / "docs" / "edge-origin-requests.svg"
        plot.lines(path, "What reaches the origin as viewers grow", "viewers", "origin requests a segment", curves, log_x=True, log_y=True)
        print(f"plot: {path}")


def rounds(place, count, command, options):
    """Each server's figures of `count` interleaved runs."""
    found = {}
    for _ in range(count):
        for name in ["origin alone", *peers.chosen(floor=False)]:
            with served(place, name) as (address, server):
                found.setdefault(name, []).append(client(place, command, address, *options(server)))
    return found


def each(report, case, unit, found, key, targets={}):
    for who, runs in found.items():
        values = [figures[key] for figures in runs]
        report(case=case, who=who, unit=unit, median=measure.median(values), runs=values, **({"target": targets[who]} if who in targets else {}))


@contextlib.contextmanager
def served(place, name):
    """A fresh server's address over HTTP/1.1; or the origin's."""
    if name == "origin alone":
        yield place.at(place.origin), peers.Server(name, {}, [])
        return
    with place.server(name) as server:
        yield server.urls["http1"].removeprefix("http://"), server


def client(place, command, address, *words):
    return json.loads(place.output(place.client, command, address, place.at(place.origin), "--name", f"n{next(numbers)}", *words))
