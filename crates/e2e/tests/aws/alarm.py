"""One alarm by a client whose protocol for CloudWatch is the one that is named; tells how errors come back, and every alarm's name.

    alarm.py PROTOCOL ALARM
"""

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
found = watch.get_paginator("describe_alarms").paginate().build_full_result()["MetricAlarms"]
print(json.dumps({"error": error, "alarms": [alarm["AlarmName"] for alarm in found]}))
