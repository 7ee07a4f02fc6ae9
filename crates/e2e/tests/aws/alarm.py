"""One alarm, and a figure that is put and read back, by a client whose protocol for CloudWatch is the one that is named; tells how errors come
back, the figure, and every alarm's name.

    alarm.py PROTOCOL ALARM
"""

import datetime
import json
import sys

import boto3

protocol, name = sys.argv[1:]
watch = boto3.client("cloudwatch")
spoken = watch.meta.service_model.resolved_protocol
assert spoken == protocol, spoken
watch.put_metric_alarm(
    AlarmName=name,
    MetricName="TotalErrorRate",
    Namespace="AWS/CloudFront",
    Dimensions=[{"Name": "DistributionId", "Value": "E1"}],
    Statistic="Average",
    Period=60,
    EvaluationPeriods=5,
    Threshold=0.01,
    ComparisonOperator="GreaterThanThreshold",
)
try:
    watch.set_alarm_state(AlarmName="nobody's", StateValue="OK", StateReason="-")
    raise AssertionError("an alarm that is not there was set")
except watch.exceptions.ResourceNotFound as missing:
    error = missing.response["Error"]["Code"]
minute = datetime.datetime.now(datetime.UTC).replace(second=0, microsecond=0)
before = minute - datetime.timedelta(minutes=1)
watch.put_metric_data(Namespace=protocol, MetricData=[{"MetricName": "figure", "Value": 2.5, "Timestamp": before}])
span = {"StartTime": minute - datetime.timedelta(minutes=10), "EndTime": minute + datetime.timedelta(minutes=1)}
[point] = watch.get_metric_statistics(Namespace=protocol, MetricName="figure", Period=60, Statistics=["Sum"], **span)["Datapoints"]
assert point["Timestamp"] == before, point
found = watch.get_paginator("describe_alarms").paginate().build_full_result()["MetricAlarms"]
print(json.dumps({"error": error, "figure": point["Sum"], "alarms": [alarm["AlarmName"] for alarm in found]}))
