//! A small SQS: queues for standard messages, each delivered at least once.

mod about;
mod batch;
mod error;
mod inbox;
mod queue;
mod queue_attributes;
mod receipt;
mod receive;
mod send;
mod settle;
mod tags;

use std::future::ready;
use std::sync::Arc;

use aws::Map;
use door::{About, Answer, Caller, Door};

use crate::notifier::Shared;

pub(crate) use inbox::{Letter, deliver};

/// The door for SQS.
#[derive(Clone)]
pub struct Sqs(pub(crate) Arc<Shared>);

impl Door for Sqs {
    fn service(&self) -> &'static str {
        "sqs"
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(ready(Ok(about::arns(caller, operation, input))))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        let shared = &*self.0;
        Some(match operation {
            "CreateQueue" => Box::pin(queue::create(shared, caller, input)),
            "DeleteQueue" => Box::pin(queue::delete(shared, caller, input)),
            "PurgeQueue" => Box::pin(queue::purge(shared, caller, input)),
            "GetQueueUrl" => Box::pin(queue::url(shared, caller, input)),
            "ListQueues" => Box::pin(queue::list(shared, caller, input)),
            "ListDeadLetterSourceQueues" => Box::pin(queue::list_dead_letter_sources(shared, caller, input)),
            "GetQueueAttributes" => Box::pin(queue_attributes::get(shared, caller, input)),
            "SetQueueAttributes" => Box::pin(queue_attributes::set(shared, caller, input)),
            "AddPermission" => Box::pin(queue_attributes::add_permission(shared, caller, input)),
            "RemovePermission" => Box::pin(queue_attributes::remove_permission(shared, caller, input)),
            "SendMessage" => Box::pin(send::send(shared, caller, input)),
            "SendMessageBatch" => Box::pin(send::send_batch(shared, caller, input)),
            "ReceiveMessage" => Box::pin(receive::receive(shared, caller, input)),
            "DeleteMessage" => Box::pin(settle::delete(shared, caller, input)),
            "DeleteMessageBatch" => Box::pin(settle::delete_batch(shared, caller, input)),
            "ChangeMessageVisibility" => Box::pin(settle::change_visibility(shared, caller, input)),
            "ChangeMessageVisibilityBatch" => {
                Box::pin(settle::change_visibility_batch(shared, caller, input))
            }
            "TagQueue" => Box::pin(tags::tag(shared, caller, input)),
            "UntagQueue" => Box::pin(tags::untag(shared, caller, input)),
            "ListQueueTags" => Box::pin(tags::list(shared, caller, input)),
            _ => return None,
        })
    }
}
