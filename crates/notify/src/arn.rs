//! Names of topics, subscriptions and queues.

/// An ARN taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// What follows the account, colons included.
    pub(crate) rest: &'a str,
}

impl<'a> Arn<'a> {
    /// An ARN of `service`; nothing else.
    pub(crate) fn parse(service: &str, text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, partition, named) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let is_word = |word: &str| {
            (1..=64).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let holds = arn == "arn"
            && partition == "aws"
            && named == service
            && is_word(region)
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=512).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        holds.then_some(Self { region, account, rest })
    }
}

/// Whether `text` may be the name of a topic or queue, of at most `most` bytes.
pub(crate) fn is_name(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_arns_of_the_service_are_read() {
        let arn = Arn::parse("sns", "arn:aws:sns:eu-west-1:123456789012:news:0af3");
        assert_eq!(arn, Some(Arn { region: "eu-west-1", account: "123456789012", rest: "news:0af3" }));
        for wrong in [
            "news",
            "arn:aws:sqs:eu-west-1:123456789012:news",
            "arn:aws:sns:eu-west-1:123:news",
            "arn:aws:sns:eu-west-1:123456789012:",
            "arn:aws:sns::123456789012:news",
            "arn:aws:sns:eu-west-1:123456789012:a b",
            "arn:aws:sns:eu-west-1:123456789012",
        ] {
            assert_eq!(Arn::parse("sns", wrong), None, "{wrong}");
        }
    }
}
