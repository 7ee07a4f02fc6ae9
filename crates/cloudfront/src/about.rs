//! What calls are about, by the Service Authorization Reference's table for Amazon CloudFront.

use aws::Map;
use door::{Arns, Caller};

use crate::policy::{Kind, Verb};

const ARNS: Arns = Arns {
    start: "arn:aws:cloudfront::{account}:",
    forms: &[
        ("ListDistributions", "*"),
        ("CreateDistribution CreateDistributionWithTags", "distribution/*"),
        ("GetDistribution GetDistributionConfig UpdateDistribution DeleteDistribution", "distribution/{Id}"),
        ("CreateInvalidation GetInvalidation ListInvalidations", "distribution/{DistributionId}"),
        ("TagResource UntagResource ListTagsForResource", "{Resource}"),
    ],
};

pub(crate) fn arns(caller: &Caller, operation: &str, input: &Map) -> Vec<String> {
    let Some((kind, verb)) = Kind::of(operation) else { return ARNS.of(caller, operation, input) };
    let id = match verb {
        Verb::List => return vec!["*".to_owned()],
        Verb::Create => Some("*"),
        Verb::Get | Verb::GetConfig | Verb::Update | Verb::Delete => input.text("Id"),
    };
    let arn = |id| format!("arn:aws:cloudfront::{}:{}/{id}", caller.account, kind.path());
    id.map(arn).into_iter().collect()
}
