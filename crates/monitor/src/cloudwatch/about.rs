//! What calls are about, by the Service Authorization Reference's table for Amazon CloudWatch.

use door::Arns;

pub(super) const ARNS: Arns = Arns {
    start: "arn:aws:cloudwatch:{region}:{account}:",
    forms: &[
        (
            "PutMetricData GetMetricData GetMetricStatistics ListMetrics ListDashboards DescribeAlarmsForMetric",
            "*",
        ),
        ("PutMetricAlarm PutCompositeAlarm SetAlarmState", "alarm:{AlarmName}"),
        ("DescribeAlarmHistory", "alarm:{AlarmName|*}"),
        ("DescribeAlarms", "alarm:{AlarmNames|*}"),
        ("DeleteAlarms EnableAlarmActions DisableAlarmActions", "alarm:{AlarmNames}"),
        ("PutDashboard GetDashboard", "arn:aws:cloudwatch::{account}:dashboard/{DashboardName}"),
        ("DeleteDashboards", "arn:aws:cloudwatch::{account}:dashboard/{DashboardNames}"),
        ("TagResource UntagResource ListTagsForResource", "{ResourceARN}"),
    ],
};
