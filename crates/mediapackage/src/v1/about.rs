//! What calls are about, by the Service Authorization Reference's table for AWS Elemental MediaPackage.
//!
//! Calls name a channel or an endpoint by its id, and its ARN has a token of its own: that is looked up. What is not there has an ARN
//! that only those may ask for who may ask for all of its kind.

use aws::{Error, Map};
use door::{Arns, Caller};
use store::Key;

use super::{CHANNEL, ENDPOINT, failed, id};
use crate::setup::Setup;

const ARNS: Arns = Arns {
    start: "arn:aws:mediapackage:{region}:{account}:",
    forms: &[
        ("ListChannels ListOriginEndpoints CreateChannel CreateOriginEndpoint", "*"),
        ("TagResource UntagResource ListTagsForResource", "{ResourceArn}"),
    ],
};

/// Operations on one channel, and on one endpoint.
const OF_ONE: [(&str, &str, &str); 2] = [
    (
        "DescribeChannel UpdateChannel DeleteChannel RotateChannelCredentials RotateIngestEndpointCredentials",
        CHANNEL,
        "channels",
    ),
    ("DescribeOriginEndpoint UpdateOriginEndpoint DeleteOriginEndpoint", ENDPOINT, "origin_endpoints"),
];

pub(super) async fn arns(
    setup: &Setup,
    caller: &Caller,
    operation: &str,
    input: &Map,
) -> Result<Vec<String>, Error> {
    let is_there = |list: &str| list.split_whitespace().any(|it| it == operation);
    let Some((_, kind, word)) = OF_ONE.into_iter().find(|(operations, _, _)| is_there(operations)) else {
        return Ok(ARNS.of(caller, operation, input));
    };
    let any = || caller.arn("mediapackage", &format!("{word}/*"));
    let Ok(key) = Key::new(kind, &caller.account, &caller.region, id(input)) else { return Ok(vec![any()]) };
    match setup.store.resource(&key, caller.at).await {
        Ok(found) => Ok(vec![found.arn]),
        Err(store::Error::NotFound(_)) => Ok(vec![any()]),
        Err(error) => Err(failed(error, "resource")),
    }
}
