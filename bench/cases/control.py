"""The control role with 100 channels, 1,000 endpoints and 1,000 alarms: what it takes while nobody calls, how long calls take, and how
long it takes to start. Calls are signed requests of one client on one connection, after another; the store is SQLite, synced at each commit."""

import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import subprocess
import time
import urllib.parse

import measure

CHANNELS, ENDPOINTS_EACH, ALARMS = 100, 10, 1_000
REGION = "us-east-1"


def run(report, quick):
    channels, alarms, seconds, starts = (10, 100, 10, 2) if quick else (CHANNELS, ALARMS, 60, 5)
    with measure.work_folder() as folder:
        with up(folder) as (process, ports):
            client = Client(folder, ports["control"])
            made = fill(client, channels, alarms)
            shown = {"endpoint": [], "alarm": []}
            for number in range(1_000):
                path = f"/channelGroup/g/channel/c{number % channels}/originEndpoint/e{number // channels % ENDPOINTS_EACH}"
                shown["endpoint"].append(client.json("GET", path))
                shown["alarm"].append(client.query("DescribeAlarms", {"AlarmNames.member.1": f"a{number % alarms}"}))
            time.sleep(5)
            control = next(pid for pid in measure.descendants(process.pid) if measure.name_of(pid) == "control")
            before, began = measure.cpu_seconds(control), time.monotonic()
            time.sleep(seconds)
            share = (measure.cpu_seconds(control) - before) / (time.monotonic() - began)
            resident = measure.resident_bytes(control) / 1e6
        started = []
        for _ in range(starts):
            began = time.monotonic()
            with up(folder):
                started.append(time.monotonic() - began)
    who = f"{channels} channels, {channels * ENDPOINTS_EACH} endpoints, {alarms} alarms"
    report(case="control, nobody calls: CPU", who=who, unit="% of a core", median=100 * share, runs=[100 * share], target="2")
    report(case="control, nobody calls: memory", who=who, unit="MB", median=resident, runs=[resident], target="150")
    for kind, times in made.items():
        report(case=f"control, create {kind}: p99", who=who, unit="ms", median=p99(times), runs=[p99(times)], target="50")
    for kind, times in shown.items():
        report(case=f"control, describe {kind}: p99", who=who, unit="ms", median=p99(times), runs=[p99(times)], target="10")
    report(case="headwater up until control answers", who=who, unit="s", median=measure.median(started), runs=started, target="1")


@contextlib.contextmanager
def up(folder):
    """A stack, once control answers."""
    with measure.stack(folder, "", control="on") as (process, ports):
        health = f"http://127.0.0.1:{ports['control']}/health"
        measure.wait_until(lambda: measure.fetch(health)[0] == 200, "control answers", interval=0.005)
        yield process, ports


def fill(client, channels, alarms):
    """Makes everything; how long each call took, in ms, by kind."""
    made = {"channel": [], "endpoint": [], "alarm": []}
    client.json("POST", "/channelGroup", {"ChannelGroupName": "g"})
    for channel in range(channels):
        made["channel"].append(client.json("POST", "/channelGroup/g/channel", {"ChannelName": f"c{channel}", "InputType": "CMAF"}))
        for endpoint in range(ENDPOINTS_EACH):
            body = {"OriginEndpointName": f"e{endpoint}", "ContainerType": "CMAF", "HlsManifests": [{"ManifestName": "index"}]}
            made["endpoint"].append(client.json("POST", f"/channelGroup/g/channel/c{channel}/originEndpoint", body))
    for alarm in range(alarms):
        made["alarm"].append(client.query("PutMetricAlarm", {
            "AlarmName": f"a{alarm}", "Namespace": "AWS/MediaPackage", "MetricName": "EgressBytes", "Statistic": "Sum", "Period": "60", "EvaluationPeriods": "1",
            "Threshold": "1", "ComparisonOperator": "LessThanThreshold", "Dimensions.member.1.Name": "Channel", "Dimensions.member.1.Value": f"c{alarm % channels}"}))
    return made


def p99(times):
    return sorted(times)[len(times) * 99 // 100]


class Client:
    """Signs requests (AWS Signature Version 4) with the root's key, and keeps its connection."""

    def __init__(self, folder, port):
        said = subprocess.run([measure.binary("headwater"), "aws-env"], cwd=folder, check=True, capture_output=True, text=True).stdout
        words = dict(line.removeprefix("export ").split("=", 1) for line in said.splitlines() if line.startswith("export "))
        self.key, self.secret = (words[name].strip("'\"") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        self.host = f"127.0.0.1:{port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def json(self, method, path, body=None):
        """A call of MediaPackage v2; ms until its answer is read."""
        text = json.dumps(body).encode() if body is not None else b""
        return self.timed("mediapackagev2", method, path, text, "application/json")

    def query(self, action, members):
        """A call of CloudWatch."""
        text = urllib.parse.urlencode({"Action": action, "Version": "2010-08-01", **members}).encode()
        return self.timed("monitoring", "POST", "/", text, "application/x-www-form-urlencoded")

    def timed(self, service, method, path, body, kind):
        fields = self.signed(service, method, path, body) | {"content-type": kind}
        began = time.perf_counter()
        self.connection.request(method, path, body, fields)
        answer = self.connection.getresponse()
        said = answer.read()
        took = 1e3 * (time.perf_counter() - began)
        if answer.status >= 300:
            raise SystemExit(f"{method} {path} {body.decode()}: {answer.status} {said.decode()}")
        return took

    def signed(self, service, method, path, body):
        moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        fields = {"host": self.host, "x-amz-content-sha256": digest, "x-amz-date": moment}
        names = ";".join(sorted(fields))
        canonical = "\n".join([method, path, "", *(f"{name}:{fields[name]}" for name in sorted(fields)), "", names, digest])
        scope = f"{moment[:8]}/{REGION}/{service}/aws4_request"
        told = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for word in scope.split("/"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, told.encode(), hashlib.sha256).hexdigest()
        fields["authorization"] = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}"
        return fields
