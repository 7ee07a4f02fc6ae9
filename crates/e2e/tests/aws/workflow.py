"""A whole workflow as the guides have it: MediaLive into MediaPackage, CloudFront in front of it, an alarm on its errors that tells a topic, which
tells a webhook and a queue.

    workflow.py NAME
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

# What is watched.
watch = boto3.client("cloudwatch")
watch.put_metric_alarm(
    AlarmName=f"{name}-errors",
    MetricName="TotalErrorRate",
    Namespace="AWS/CloudFront",
    Statistic="Average",
    Period=60,
    EvaluationPeriods=5,
    Threshold=1.0,
    ComparisonOperator="GreaterThanThreshold",
    AlarmActions=[topic],
)
watch.get_waiter("alarm_exists").wait(AlarmNames=[f"{name}-errors"])
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


def told_of_alarm():
    while True:
        told = heard.get(timeout=30)
        if told["Type"] == "Notification":
            return json.loads(told["Message"])


alarm = told_of_alarm()
message = queues.receive_message(QueueUrl=box, WaitTimeSeconds=10)["Messages"][0]
queued = json.loads(json.loads(message["Body"])["Message"])
queues.delete_message(QueueUrl=box, ReceiptHandle=message["ReceiptHandle"])
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
            "told": [alarm["AlarmName"], alarm["NewStateValue"]],
            "queued": [queued["AlarmName"], queued["NewStateValue"]],
            "states": states,
        }
    )
)
