//! What calls are about, by the Service Authorization Reference's table for Amazon SQS: the queue that a URL or a name means.

use aws::Map;
use door::Caller;

use super::queue;
use crate::arn::is_name;

pub(super) fn arns(caller: &Caller, operation: &str, input: &Map) -> Vec<String> {
    let arn = match operation {
        "ListQueues" => Some("*".to_owned()),
        "CreateQueue" | "GetQueueUrl" => {
            let account = input.text("QueueOwnerAWSAccountId").unwrap_or(&caller.account);
            let name = input.text("QueueName").filter(|name| is_name(name, 80));
            name.map(|name| format!("arn:aws:sqs:{}:{account}:{name}", caller.region))
        }
        _ => queue::key(caller, input).ok().map(|key| queue::arn(&key)),
    };
    arn.into_iter().collect()
}
