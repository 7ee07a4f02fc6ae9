"""A whole workflow as the guides have it: MediaLive into MediaPackage, CloudFront in front of it, alarms on its errors that tell a topic, which
tells a webhook and a queue.

    workflow.py NAME

Tells what it made. Then, for a line on standard input, what the webhook and the queue hear of the alarms on errors, and what was measured.
"""

import http.server
import json
import queue
import sys
import threading
import time
import urllib.parse
import urllib.request

import boto3

name = sys.argv[1]
heard = queue.Queue()


class Webhook(http.server.BaseHTTPRequestHandler):
    """Takes what a topic tells, and confirms that it wants it."""

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        if told["Type"] == "SubscriptionConfirmation":
            urllib.request.urlopen(told["SubscribeURL"], timeout=10).read()
        heard.put(told)

    def log_message(self, *_):
        pass


webhook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
threading.Thread(target=webhook.serve_forever, daemon=True).start()

# Packaging.
package = boto3.client("mediapackage")
package.create_channel(Id=name, Description="packaged for every player")
shown = package.create_origin_endpoint(
    Id=f"{name}-hls",
    ChannelId=name,
    ManifestName="index",
    HlsPackage={"SegmentDurationSeconds": 2, "PlaylistWindowSeconds": 60, "PlaylistType": "NONE"},
)
endpoint = urllib.parse.urlsplit(shown["Url"])
folder, manifest = endpoint.path.rsplit("/", 1)

# Encoding.
live = boto3.client("medialive")
source = live.create_input(Name=name, Type="RTMP_PUSH", Destinations=[{"StreamName": f"{name}/primary"}])["Input"]
group = {"MediaPackageGroupSettings": {"Destination": {"DestinationRefId": "package"}}}
channel = live.create_channel(
    Name=name,
    InputAttachments=[{"InputId": source["Id"]}],
    Destinations=[{"Id": "package", "MediaPackageSettings": [{"ChannelId": name}]}],
    EncoderSettings={
        "OutputGroups": [
            {
                "OutputGroupSettings": group,
                "Outputs": [
                    {"OutputSettings": {"MediaPackageOutputSettings": {}}, "VideoDescriptionName": picture}
                    for picture in ("video_240p15", "video_144p15")
                ],
            }
        ]
    },
)["Channel"]
live.start_channel(ChannelId=channel["Id"])
live.get_waiter("channel_running").wait(ChannelId=channel["Id"], WaiterConfig={"Delay": 1})

# Delivery: an origin that says of itself neither that it is S3's nor what its ports are.
front = boto3.client("cloudfront")
methods = {"Quantity": 2, "Items": ["GET", "HEAD"]}
made = front.create_distribution(
    DistributionConfig={
        "CallerReference": name,
        "Comment": "",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [{"Id": "package", "DomainName": endpoint.hostname, "OriginPath": folder, "CustomHeaders": {"Quantity": 0}}],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "package",
            "ViewerProtocolPolicy": "allow-all",
            "AllowedMethods": {**methods, "CachedMethods": methods},
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}, "Headers": {"Quantity": 0}},
            "MinTTL": 0,
        },
    }
)
distribution = made["Distribution"]
began = time.monotonic()
front.get_waiter("distribution_deployed").wait(Id=distribution["Id"])
# The waiter's pause is a minute: it was deployed at the first look.
assert time.monotonic() - began < 30

# Whoever is to be told.
topics, queues = boto3.client("sns"), boto3.client("sqs")
topic = topics.create_topic(Name=f"{name}-trouble")["TopicArn"]
topics.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{webhook.server_port}/")
confirmation = heard.get(timeout=20)
box = queues.create_queue(QueueName=f"{name}-trouble")["QueueUrl"]
arn = queues.get_queue_attributes(QueueUrl=box, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

# What is watched: the errors of all that viewers ask for, and of this distribution alone.
watch = boto3.client("cloudwatch")
alone = [{"Name": "DistributionId", "Value": distribution["Id"]}, {"Name": "Region", "Value": "Global"}]
errors = {f"{name}-errors": [], f"{name}-distribution": alone}
for alarm, dimensions in errors.items():
    watch.put_metric_alarm(
        AlarmName=alarm,
        MetricName="TotalErrorRate",
        Namespace="AWS/CloudFront",
        Dimensions=dimensions,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
watch.get_waiter("alarm_exists").wait(AlarmNames=[*errors])
# One of figures of our own, which are there before it is: it is judged at once.
figures = [{"MetricName": "Late", "Value": 9.0, "Timestamp": time.time() - 60 * ago} for ago in range(1, 4)]
watch.put_metric_data(Namespace=name, MetricData=figures)
watch.put_metric_alarm(
    AlarmName=f"{name}-late",
    MetricName="Late",
    Namespace=name,
    Statistic="Maximum",
    Period=60,
    EvaluationPeriods=1,
    Threshold=5.0,
    ComparisonOperator="GreaterThanThreshold",
    AlarmActions=[topic],
)


def hear_of(alarms, seconds):
    """What the webhook and the queue hear of these alarms: the last state of each, by its name."""
    states = {"webhook": {}, "queue": {}}
    until = time.monotonic() + seconds
    while any(alarms - known.keys() for known in states.values()):
        assert time.monotonic() < until, states
        for message in queues.receive_message(QueueUrl=box, WaitTimeSeconds=1).get("Messages", []):
            said = json.loads(json.loads(message["Body"])["Message"])
            states["queue"][said["AlarmName"]] = said["NewStateValue"]
            queues.delete_message(QueueUrl=box, ReceiptHandle=message["ReceiptHandle"])
        while not heard.empty():
            told = heard.get()
            if told["Type"] == "Notification":
                said = json.loads(told["Message"])
                states["webhook"][said["AlarmName"]] = said["NewStateValue"]
    return states


def measured(metric, statistic):
    """What the distribution's metric says of the last minutes."""
    now = time.time()
    asked = {"Namespace": "AWS/CloudFront", "MetricName": metric, "Dimensions": alone, "Period": 60, "Statistics": [statistic]}
    points = watch.get_metric_statistics(**asked, StartTime=now - 600, EndTime=now + 60)["Datapoints"]
    return {"most": max(point[statistic] for point in points), "unit": points[0]["Unit"]}


told = hear_of({f"{name}-late"}, 30)
states = {found["AlarmName"]: found["StateValue"] for found in watch.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]}
print(
    json.dumps(
        {
            "push": source["Destinations"][0]["Url"],
            "channel": channel["Id"],
            "packaged": endpoint.path,
            "delivered": f"/d/{distribution['Id'].lower()}/{manifest}",
            "host": distribution["DomainName"],
            "manifest": f"/{manifest}",
            "asked": confirmation["Type"],
            "told": told,
            "states": states,
        }
    ),
    flush=True,
)

sys.stdin.readline()
# A minute has to end, and what was counted in it is taken ten seconds apart.
told = hear_of({*errors}, 100)
listed = watch.get_paginator("list_metrics").paginate(Namespace="AWS/CloudFront", Dimensions=alone).build_full_result()["Metrics"]
measures = {metric: measured(metric, statistic) for metric, statistic in (("Requests", "Sum"), ("BytesDownloaded", "Sum"), ("5xxErrorRate", "Average"))}
print(json.dumps({"told": told, "metrics": sorted(found["MetricName"] for found in listed), "measured": measures}), flush=True)
