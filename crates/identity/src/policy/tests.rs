//! What policies allow, as tables; and what an evaluator written the plain way says of the same.

use proptest::prelude::*;

use super::*;

const CHANNEL: &str = "arn:aws:medialive:us-west-2:123456789012:channel:1";

fn read(statements: &str) -> Document {
    Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn ask(policies: &[&str], action: &str, resource: &str) -> Decision {
    let policies: Vec<Document> = policies.iter().map(|text| read(text)).collect();
    let mut context = Context::default();
    context.add("aws:username", "eve");
    context.add("aws:SourceIp", "10.0.0.7");
    decide(&policies, &Call { action, resource, context: &context })
}

const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

#[test]
fn nothing_is_allowed_that_no_statement_allows() {
    for (policies, action, resource, expected) in [
        (&[][..], "medialive:ListChannels", "*", Decision::NotAllowed),
        (&[ALL], "medialive:ListChannels", "*", Decision::Allowed),
        (
            &[r#"{"Effect":"Allow","Action":"medialive:describe*","Resource":"*"}"#],
            "medialive:DescribeChannel",
            CHANNEL,
            Decision::Allowed,
        ),
        (
            &[r#"{"Effect":"Allow","Action":"medialive:Describe*","Resource":"*"}"#],
            "medialive:DeleteChannel",
            CHANNEL,
            Decision::NotAllowed,
        ),
        (
            &[
                r#"{"Effect":"Allow","Action":["sns:*","medialive:*"],"Resource":"arn:aws:medialive:*:*:input:*"}"#,
            ],
            "medialive:DeleteChannel",
            CHANNEL,
            Decision::NotAllowed,
        ),
        // The service is not the beginning of another's name.
        (
            &[r#"{"Effect":"Allow","Action":"media:*","Resource":"*"}"#],
            "medialive:X",
            "*",
            Decision::NotAllowed,
        ),
        // NotAction allows everything else, and denies nothing.
        (
            &[r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#],
            "medialive:StartChannel",
            CHANNEL,
            Decision::Allowed,
        ),
        (
            &[r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#],
            "IAM:CreateUser",
            "*",
            Decision::NotAllowed,
        ),
        (
            &[r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, ALL],
            "iam:CreateUser",
            "*",
            Decision::Allowed,
        ),
        (
            &[r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::secret/*"}"#],
            "s3:GetObject",
            "arn:aws:s3:::secret/a",
            Decision::NotAllowed,
        ),
        (
            &[r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/*"}"#],
            "s3:GetObject",
            "arn:aws:s3:::home/eve/a",
            Decision::Allowed,
        ),
        (
            &[r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/*"}"#],
            "s3:GetObject",
            "arn:aws:s3:::home/adam/a",
            Decision::NotAllowed,
        ),
        // Letters that look alike are not.
        (
            &[r#"{"Effect":"Allow","Action":"sns:Publish","Resource":"*"}"#],
            "\u{17f}ns:Publish",
            "*",
            Decision::NotAllowed,
        ),
        (
            &[r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::films/*"}"#],
            "s3:GetObject",
            "arn:aws:s3:::Films/a",
            Decision::NotAllowed,
        ),
    ] {
        assert_eq!(ask(policies, action, resource), expected, "{policies:?} {action} {resource}");
    }
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let deny = r#"{"Effect":"Deny","Action":"medialive:Delete*","Resource":"*"}"#;
    let both = format!("{ALL},{deny}");
    for policies in [&[ALL, deny][..], &[deny, ALL], &[&both]] {
        assert_eq!(ask(policies, "medialive:DeleteChannel", CHANNEL), Decision::Denied);
        assert_eq!(ask(policies, "medialive:StartChannel", CHANNEL), Decision::Allowed);
    }
    let all_but_read = r#"{"Effect":"Deny","NotAction":"medialive:Describe*","Resource":"*"}"#;
    assert_eq!(ask(&[ALL, all_but_read], "medialive:DescribeChannel", CHANNEL), Decision::Allowed);
    assert_eq!(ask(&[ALL, all_but_read], "sns:Publish", "*"), Decision::Denied);
}

#[test]
fn a_statement_counts_only_when_all_its_conditions_hold() {
    let with = |condition: &str| {
        let text = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
        ask(&[&text], "sns:Publish", "*")
    };
    assert_eq!(with(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#), Decision::Allowed);
    assert_eq!(with(r#"{"IpAddress":{"AWS:sourceip":["192.0.2.0/24","10.0.0.0/8"]}}"#), Decision::Allowed);
    assert_eq!(
        with(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"aws:username":"adam"}}"#),
        Decision::NotAllowed
    );
    assert_eq!(with(r#"{"Bool":{"aws:SecureTransport":true}}"#), Decision::NotAllowed);
    assert_eq!(with("{}"), Decision::Allowed);
}

#[test]
fn what_is_wrong_with_a_document_is_named() {
    let statement = |members: &str| format!(r#"{{"Version":"2012-10-17","Statement":{{{members}}}}}"#);
    let rest = r#""Effect":"Allow","Resource":"*""#;
    for (text, fault) in [
        ("[]".to_owned(), PolicyFault::Shape { member: "policy", shape: "an object" }),
        ("{}".to_owned(), PolicyFault::Missing("Statement")),
        (r#"{"Statement":[]}"#.to_owned(), PolicyFault::Empty("Statement")),
        (r#"{"Version":"2020-01-01","Statement":[]}"#.to_owned(), PolicyFault::Version("2020-01-01".into())),
        (r#"{"Statements":[]}"#.to_owned(), PolicyFault::Member("Statements".into())),
        (statement(rest), PolicyFault::Missing("Action")),
        (statement(r#""Action":"*","Resource":"*""#), PolicyFault::Missing("Effect")),
        (statement(r#""Effect":"Allow","Action":"*""#), PolicyFault::Missing("Resource")),
        (statement(r#""Effect":"allow","Action":"*","Resource":"*""#), PolicyFault::Effect("allow".into())),
        (
            statement(&format!(r#"{rest},"Principal":"*","Action":"*""#)),
            PolicyFault::Member("Principal".into()),
        ),
        (statement(&format!(r#"{rest},"Action":"*","NotAction":"a:b""#)), PolicyFault::Both("Action")),
        (statement(&format!(r#"{rest},"Action":[]"#)), PolicyFault::Empty("Action")),
        (
            statement(&format!(r#"{rest},"Action":"ListChannels""#)),
            PolicyFault::Action("ListChannels".into()),
        ),
        (statement(&format!(r#"{rest},"Action":"*:List""#)), PolicyFault::Action("*:List".into())),
        (
            statement(r#""Effect":"Allow","Action":"*","Resource":"channel:1""#),
            PolicyFault::Resource("channel:1".into()),
        ),
        (
            statement(&format!(r#"{rest},"Action":"*","Condition":{{"StringAlike":{{"a":"b"}}}}"#)),
            PolicyFault::Operator("StringAlike".into()),
        ),
        (
            statement(&format!(r#"{rest},"Action":"*","Condition":{{"StringLike":{{"a":[]}}}}"#)),
            PolicyFault::Empty("a condition's values"),
        ),
        (statement(&format!(r#"{rest},"Action":"*","Sid":"a b""#)), PolicyFault::Sid("a b".into())),
        (
            format!(
                r#"{{"Statement":[{0},{0}]}}"#,
                r#"{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}"#
            ),
            PolicyFault::Sid("a".into()),
        ),
        (" ".repeat(MAX_BYTES + 1), PolicyFault::TooLarge),
        (format!(r#"{{"Statement":[{}]}}"#, vec!["{}"; 129].join(",")), PolicyFault::TooManyStatements),
    ] {
        assert_eq!(Document::parse(&text), Err(fault), "{text:.200}");
    }
    for text in
        ["", "{", "[[", "null", r#"{"Statement":{"Effect":"Allow","Effect":"Deny"}}"#, &"[".repeat(10_000)]
    {
        assert!(matches!(Document::parse(text), Err(PolicyFault::Json(_))), "{text:.40}");
    }
}

#[test]
fn a_document_is_given_back_as_it_came() {
    let text = r#"{"Statement": {"Effect":"Allow" , "Action":"*", "Resource":"*"}}"#;
    assert_eq!(Document::parse(text).unwrap().text(), text);
}

#[test]
fn before_2012_a_variable_stands_for_itself() {
    let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}"}}"#;
    let document = [Document::parse(text).unwrap()];
    let mut context = Context::default();
    context.add("aws:username", "eve");
    let call = |resource| Call { action: "s3:ListBucket", resource, context: &context };
    assert_eq!(decide(&document, &call("arn:aws:s3:::eve")), Decision::NotAllowed);
    assert_eq!(decide(&document, &call("arn:aws:s3:::${aws:username}")), Decision::Allowed);
}

#[test]
fn what_nobody_can_name_is_allowed_only_on_everything_and_denied_where_anything_is() {
    let all = r#"{"Effect":"Allow","Action":"sns:*","Resource":"*"}"#;
    let one = r#"{"Effect":"Allow","Action":"sns:*","Resource":"arn:aws:sns:*:*:t"}"#;
    let all_but_one = r#"{"Effect":"Allow","Action":"sns:*","NotResource":"arn:aws:sns:*:*:t"}"#;
    let never = r#"{"Effect":"Deny","Action":"sns:Delete*","Resource":"arn:aws:sns:*:*:t"}"#;
    for (statements, action, expected) in [
        (vec![], "sns:Publish", Decision::NotAllowed),
        (vec![one], "sns:Publish", Decision::NotAllowed),
        (vec![all_but_one], "sns:Publish", Decision::NotAllowed),
        (vec![one, all], "sns:Publish", Decision::Allowed),
        (vec![all, never], "sns:Publish", Decision::Allowed),
        (vec![all, never], "sns:DeleteTopic", Decision::Denied),
    ] {
        let policies = statements.iter().map(|text| read(text)).collect::<Vec<_>>();
        let context = Context::default();
        let call = Call { action, resource: "*", context: &context };
        assert_eq!(decide_on_any(&policies, &call), expected, "{statements:?} {action}");
    }
}

#[test]
fn who_may_not_is_told_who_what_and_why() {
    let context = Context::default();
    let call = Call { action: "sns:Publish", resource: "*", context: &context };
    assert_eq!(Decision::Allowed.answer("arn", &call, Family::Json), None);
    let answer = Decision::NotAllowed.answer("arn:aws:iam::1:user/eve", &call, Family::RestJson).unwrap();
    assert_eq!((answer.status, answer.code), (403, "AccessDeniedException"));
    assert_eq!(
        answer.message,
        "User: arn:aws:iam::1:user/eve is not authorized to perform: sns:Publish on resource: * \
         because no identity-based policy allows the sns:Publish action"
    );
    let answer = Decision::Denied.answer("arn", &call, Family::Query).unwrap();
    assert_eq!((answer.status, answer.code), (403, "AccessDenied"));
}

/// The plain way: a `*` tries every rest.
fn plain_glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|from| plain_glob(rest, &text[from..])),
        ([b'?', rest @ ..], [_, others @ ..]) => plain_glob(rest, others),
        ([one, rest @ ..], [other, others @ ..]) => {
            one.eq_ignore_ascii_case(other) && plain_glob(rest, others)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_plain_evaluator_says_the_same(
        statements in proptest::collection::vec((any::<bool>(), any::<bool>(), "[ab]:[abAB*?]{1,5}"), 1..5),
        action in "[abAB]:[abAB]{1,5}",
    ) {
        let effect = |allows: bool| if allows { "Allow" } else { "Deny" };
        let member = |is_not: bool| if is_not { "NotAction" } else { "Action" };
        let text: Vec<String> = statements.iter().map(|(allows, is_not, name)| {
            format!(r#"{{"Effect":"{}","{}":"{name}","Resource":"*"}}"#, effect(*allows), member(*is_not))
        }).collect();
        let covering = |wanted: bool| statements.iter().any(|(allows, is_not, name)| {
            *allows == wanted && plain_glob(name.as_bytes(), action.as_bytes()) != *is_not
        });
        let expected = match (covering(true), covering(false)) {
            (_, true) => Decision::Denied,
            (true, false) => Decision::Allowed,
            (false, false) => Decision::NotAllowed,
        };
        prop_assert_eq!(ask(&[&text.join(",")], &action, "*"), expected);
    }

    #[test]
    fn any_text_is_a_policy_or_a_named_fault(text in r#"[\[\]{}:,"a*$?0]{0,60}|\PC{0,40}"#) {
        let _ = Document::parse(&text);
    }
}
