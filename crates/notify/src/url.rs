//! URLs that messages and answers name.

use crate::config::Config;

/// The link that confirms a subscription.
pub(crate) fn confirm(config: &Config, topic: &str, token: &str) -> String {
    // An ARN's colons may stand in a query (RFC 3986 §3.4); nothing else of it needs escaping.
    format!("{}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}", config.url)
}

/// The link that ends a subscription.
pub(crate) fn unsubscribe(config: &Config, subscription: &str) -> String {
    format!("{}/?Action=Unsubscribe&SubscriptionArn={subscription}", config.url)
}

/// A queue's URL.
pub(crate) fn queue(config: &Config, account: &str, name: &str) -> String {
    format!("{}/{account}/{name}", config.url)
}

/// Account and name of a queue's URL, whatever host it has: clients come by several.
pub(crate) fn read_queue(url: &str) -> Option<(&str, &str)> {
    let path = url.split(['?', '#']).next()?;
    let mut parts = path.rsplitn(3, '/');
    let (name, account, host) = (parts.next()?, parts.next()?, parts.next()?);
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (is_account && !host.is_empty() && crate::arn::is_name(name, 80)).then_some((account, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_by_the_end_of_its_url() {
        assert_eq!(read_queue("http://127.0.0.1:8400/123456789012/jobs"), Some(("123456789012", "jobs")));
        assert_eq!(
            read_queue("https://sqs.eu-west-1.amazonaws.com/123456789012/a_b"),
            Some(("123456789012", "a_b"))
        );
        for wrong in
            ["jobs", "/jobs", "http://h/jobs", "http://h/12345678901x/jobs", "http://h/123456789012/"]
        {
            assert_eq!(read_queue(wrong), None, "{wrong}");
        }
    }
}
