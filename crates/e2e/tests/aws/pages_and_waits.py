"""Every paginator and every waiter that botocore has for the services here. What is served is read page by page, and has to bring the same as in
one; what is waited for has to come about. What is not served is refused by its name.

    pages_and_waits.py
"""

import json
import time

import boto3
from botocore.exceptions import ClientError
from botocore.session import get_session

SERVICES = ("medialive", "mediapackage", "mediapackagev2", "cloudfront", "cloudwatch", "sns", "sqs")
# Topics and subscriptions come by the hundred, and no call says how many it wants.
MORE_THAN_A_PAGE = 101
clients = {service: boto3.client(service) for service in SERVICES}
live, package, package2, front, watch, topics, queues = clients.values()
models = get_session()

# Two of everything that is listed, or a page and one more.
rtmp = [live.create_input(Name=f"in-{n}", Type="RTMP_PUSH", Destinations=[{"StreamName": f"pages/{n}"}])["Input"]["Id"] for n in range(2)]
for n in range(2):
    live.create_input_security_group(WhitelistRules=[{"Cidr": f"10.0.{n}.0/24"}])
hls = {"OutputGroupSettings": {"HlsGroupSettings": {"SegmentLength": 1}}, "Outputs": [{"OutputSettings": {"HlsOutputSettings": {}}, "VideoDescriptionName": "video_144p15"}]}
channels = [
    live.create_channel(Name=f"channel-{n}", InputAttachments=[{"InputId": source, "InputAttachmentName": source}], EncoderSettings={"OutputGroups": [hls]})["Channel"]["Id"]
    for n, source in enumerate(rtmp)
]
for n in range(2):
    package.create_channel(Id=f"pages-{n}")
    package.create_origin_endpoint(Id=f"endpoint-{n}", ChannelId="pages-0", HlsPackage={})
    package2.create_channel_group(ChannelGroupName=f"group-{n}")
    package2.create_channel(ChannelGroupName="group-0", ChannelName=f"channel-{n}", InputType="CMAF")
    package2.create_origin_endpoint(
        ChannelGroupName="group-0", ChannelName="channel-0", OriginEndpointName=f"endpoint-{n}", ContainerType="CMAF", HlsManifests=[{"ManifestName": "index"}]
    )


def distribution(name):
    origin = {"Id": "package", "DomainName": "a.mediapackage.us-east-1.amazonaws.com"}
    rule = {"TargetOriginId": "package", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "08627262-05a9-4f76-9ded-b50ca2e3a84f"}
    asked = {"CallerReference": name, "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": rule}
    return front.create_distribution(DistributionConfig=asked)["Distribution"]["Id"]


def invalidation(name):
    asked = {"CallerReference": name, "Paths": {"Quantity": 1, "Items": ["/*"]}}
    return front.create_invalidation(DistributionId=delivery, InvalidationBatch=asked)["Invalidation"]["Id"]


delivery = [distribution(f"pages-{n}") for n in range(2)][0]
purged = [invalidation(f"pages-{n}") for n in range(2)][0]
for n in range(2):
    signing = {"Name": f"pages-{n}", "SigningProtocol": "sigv4", "SigningBehavior": "never", "OriginAccessControlOriginType": "s3"}
    front.create_origin_access_control(OriginAccessControlConfig=signing)
now = int(time.time()) // 60 * 60
watch.put_metric_data(
    Namespace="pages", MetricData=[{"MetricName": "m", "Dimensions": [{"Name": "n", "Value": str(n % 2)}], "Value": n, "Timestamp": now - 60 * n} for n in range(1, 7)]
)
for first in (0, 500):
    watch.put_metric_data(Namespace="many", MetricData=[{"MetricName": f"m-{first + n}", "Value": 1} for n in range(500)])
watch.put_metric_data(Namespace="many", MetricData=[{"MetricName": "one-more", "Value": 1}])
for n in range(2):
    figure = {"Namespace": "pages", "MetricName": "m", "Statistic": "Sum", "Period": 60}
    watch.put_metric_alarm(AlarmName=f"metric-{n}", EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold", **figure)
    watch.put_composite_alarm(AlarmName=f"composite-{n}", AlarmRule=f"ALARM(metric-{n})")
    watch.put_dashboard(DashboardName=f"pages-{n}", DashboardBody='{"widgets": []}')
many = [topics.create_topic(Name=f"pages-{n}")["TopicArn"] for n in range(MORE_THAN_A_PAGE)]
dead = queues.create_queue(QueueName="dead")["QueueUrl"]
dead_arn = queues.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
boxes = [queues.create_queue(QueueName=f"pages-{n}", Attributes={"RedrivePolicy": redrive})["QueueUrl"] for n in range(MORE_THAN_A_PAGE)]
for box in boxes:
    arn = queues.get_queue_attributes(QueueUrl=box, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topics.subscribe(TopicArn=many[0], Protocol="sqs", Endpoint=arn)
actions = [
    {"ActionName": f"switch-{n}", "ScheduleActionStartSettings": {"FixedModeScheduleActionStartSettings": {"Time": f"2099-01-0{n + 1}T00:00:00Z"}},
     "ScheduleActionSettings": {"InputSwitchSettings": {"InputAttachmentNameReference": rtmp[0]}}}
    for n in range(2)
]  # fmt: skip
live.batch_update_schedule(ChannelId=channels[0], Creates={"ScheduleActions": actions})

# What a list is of, where it is not of everything.
OF = {
    ("medialive", "DescribeSchedule"): {"ChannelId": channels[0]},
    ("medialive", "ListAlerts"): {"ChannelId": channels[0]},
    ("mediapackage", "ListOriginEndpoints"): {"ChannelId": "pages-0"},
    ("mediapackagev2", "ListChannels"): {"ChannelGroupName": "group-0"},
    ("mediapackagev2", "ListOriginEndpoints"): {"ChannelGroupName": "group-0", "ChannelName": "channel-0"},
    ("cloudfront", "ListInvalidations"): {"DistributionId": delivery},
    ("cloudwatch", "DescribeAlarms"): {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]},
    # Its own lines alone: an alarm that is judged in the meantime adds others.
    ("cloudwatch", "DescribeAlarmHistory"): {"HistoryItemType": "ConfigurationUpdate"},
    ("cloudwatch", "ListMetrics"): {"Namespace": "many"},
    ("cloudwatch", "GetMetricData"): {
        "StartTime": now - 600,
        "EndTime": now,
        "MetricDataQueries": [
            {"Id": f"m{n}", "MetricStat": {"Metric": {"Namespace": "pages", "MetricName": "m", "Dimensions": [{"Name": "n", "Value": str(n)}]}, "Period": 60, "Stat": "Sum"}}
            for n in range(2)
        ],
    },
    ("sns", "ListSubscriptionsByTopic"): {"TopicArn": many[0]},
    ("sqs", "ListDeadLetterSourceQueues"): {"QueueUrl": dead},
}
PLACEHOLDERS = {"string": "x", "integer": 1, "long": 1, "boolean": True, "list": [], "map": {}, "structure": {}, "timestamp": 0}


def anything(service, operation):
    """What an operation has to be given, whatever it is: it is not served."""
    shape = models.get_service_model(service).operation_model(operation).input_shape
    members = {name: shape.members[name] for name in shape.required_members}
    return {name: (getattr(member, "enum", None) or [PLACEHOLDERS[member.type_name]])[0] for name, member in members.items()}


def is_unknown(refusal):
    """Whether it is refused as an operation that is not here."""
    return refusal.response["Error"]["Code"] in ("NotImplemented", "NotImplementedException") or refusal.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def method(client, operation):
    return next(name for name, known in client.meta.method_to_api_mapping.items() if known == operation)


def merged(found):
    """All that the pages brought, without what is different in each answer."""
    return {key: value for key, value in found.items() if key not in ("ResponseMetadata", "Messages")}


pages, refused = {}, []
for service in SERVICES:
    client = clients[service]
    for operation, how in models.get_paginator_model(service)._paginator_config.items():
        paginator = client.get_paginator(method(client, operation))
        asked = OF.get((service, operation)) or anything(service, operation)
        try:
            whole = merged(paginator.paginate(**asked).build_full_result())
        except ClientError as refusal:
            assert is_unknown(refusal), f"{service} {operation}: {refusal}"
            refused.append(f"{service} {operation}")
            continue
        small = {"PaginationConfig": {"PageSize": 1}} if "limit_key" in how else {}
        several = list(paginator.paginate(**asked, **small))
        if operation == "GetMetricData":
            # The values of a metric may come over pages, each with its id.
            by_id = {result["Id"]: [] for result in whole["MetricDataResults"]}
            for result in (result for page in several for result in page["MetricDataResults"]):
                by_id[result["Id"]] += result["Values"]
            assert by_id == {result["Id"]: result["Values"] for result in whole["MetricDataResults"]}, by_id
        else:
            assert merged(paginator.paginate(**asked, **small).build_full_result()) == whole, f"{service} {operation}"
        pages[f"{service} {operation}"] = len(several)

# Waiters: their own number of looks, and less time between them.
quickly = {"WaiterConfig": {"Delay": 1}}


def wait(service, name, **of):
    clients[service].get_waiter(name).wait(**of, **quickly)
    waited.append(f"{service} {name}")


waited = []
wait("medialive", "channel_created", ChannelId=channels[0])
wait("medialive", "input_attached", InputId=rtmp[0])
live.start_channel(ChannelId=channels[0])
wait("medialive", "channel_running", ChannelId=channels[0])
live.stop_channel(ChannelId=channels[0])
wait("medialive", "channel_stopped", ChannelId=channels[0])
live.delete_channel(ChannelId=channels[0])
wait("medialive", "channel_deleted", ChannelId=channels[0])
wait("medialive", "input_detached", InputId=rtmp[0])
live.delete_input(InputId=rtmp[0])
wait("medialive", "input_deleted", InputId=rtmp[0])
wait("cloudfront", "distribution_deployed", Id=delivery)
wait("cloudfront", "invalidation_completed", DistributionId=delivery, Id=purged)
wait("cloudwatch", "alarm_exists", AlarmNames=["metric-0"])
wait("cloudwatch", "composite_alarm_exists", AlarmNames=["composite-0"], AlarmTypes=["CompositeAlarm"])

unwaited = []
for service in SERVICES:
    config = clients[service]._get_waiter_config() if clients[service].waiter_names else {"waiters": {}}
    for name, how in config["waiters"].items():
        snake = next(known for known in clients[service].waiter_names if known.replace("_", "") == name.lower())
        if f"{service} {snake}" in waited:
            continue
        operation = how["operation"]
        unwaited.append(f"{service} {snake}")
        if name == "LogAlarmExists":
            # It looks at what is served, for what cannot be made.
            continue
        try:
            getattr(clients[service], method(clients[service], operation))(**anything(service, operation))
            raise AssertionError(f"{service} {operation} is served")
        except ClientError as refusal:
            assert is_unknown(refusal), f"{service} {operation}: {refusal}"
print(json.dumps({"pages": pages, "refused": len(refused), "waited": waited, "unwaited": len(unwaited)}))
