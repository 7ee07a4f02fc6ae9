//! What calls are about, as policies name it.

use aws::{Map, Value};

use crate::Caller;

/// Most resources of one call that policies are asked about, each for itself.
const MOST: usize = 1_000;

/// A service's table: which members of a call hold what it is about.
///
/// The forms of what an operation is about stand between blanks: ends of ARNs with members in braces (`channel:{ChannelId}`), or whole
/// ARNs (`arn:…`, and `{ResourceArn}` where the client says all of it), or `*` for no resource in particular. A member that is a list,
/// or lies in one (`{InputAttachments.InputId}`), makes an ARN an element; one that is missing none, but for `{Member|…}`, which says what
/// stands there instead.
#[derive(Clone, Copy, Debug)]
pub struct Arns {
    /// How ARNs begin that a form says only the end of; `{region}` and `{account}` are the caller's.
    pub start: &'static str,
    /// Operations between blanks, and what they are about.
    pub forms: &'static [(&'static str, &'static str)],
}

impl Arns {
    /// The ARNs that a call is about. None where the table does not say, where the members are missing, and where they are more than
    /// anybody asks for at once: what [`Door::about`](crate::Door::about) says of that holds.
    pub fn of(&self, caller: &Caller, operation: &str, input: &Map) -> Vec<String> {
        let is_there = |list: &str| list.split_whitespace().any(|it| it == operation);
        let Some((_, forms)) = self.forms.iter().find(|(operations, _)| is_there(operations)) else {
            return Vec::new();
        };
        let mut arns = Vec::new();
        for form in forms.split_whitespace() {
            arns.extend(self.filled(form, caller, input));
            if arns.len() > MOST {
                return Vec::new();
            }
        }
        arns
    }

    fn filled(&self, form: &str, caller: &Caller, input: &Map) -> Vec<String> {
        let is_whole = form == "*" || form.starts_with("arn:") || form.starts_with('{');
        let form = if is_whole { form.to_owned() } else { format!("{}{form}", self.start) };
        let mut pieces = form.split('{');
        let mut arns = vec![pieces.next().unwrap_or_default().to_owned()];
        for piece in pieces {
            let (member, text) = piece.split_once('}').expect("a form closes its braces");
            let values = match member {
                "region" => vec![caller.region.as_str()],
                "account" => vec![caller.account.as_str()],
                _ => values(input, member),
            };
            let each =
                |arn: &String| values.iter().map(|value| format!("{arn}{value}{text}")).collect::<Vec<_>>();
            arns = arns.iter().flat_map(each).take(MOST + 1).collect();
        }
        arns
    }
}

/// The texts at a member, or what stands there instead.
fn values<'v>(input: &'v Map, member: &'v str) -> Vec<&'v str> {
    let (path, instead) = match member.split_once('|') {
        Some((path, instead)) => (path, Some(instead)),
        None => (member, None),
    };
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut found = Vec::new();
    if let Some(value) = input.get(first) {
        gather(value, rest, &mut found);
    }
    if found.is_empty() { instead.into_iter().collect() } else { found }
}

fn gather<'v>(value: &'v Value, path: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::List(list) => list.iter().for_each(|element| gather(element, path, found)),
        Value::Map(map) => {
            let (first, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(value) = map.get(first) {
                gather(value, rest, found);
            }
        }
        Value::String(text) if path.is_empty() => found.push(text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use media::Utc;

    use super::*;

    const ARNS: Arns = Arns {
        start: "arn:aws:s:{region}:{account}:",
        forms: &[
            ("ListThings", "*"),
            ("StartThing StopThing", "thing:{Id}"),
            ("StartThings", "thing:{Ids} part:{Parts.Id}"),
            ("DescribeThings", "thing:{Ids|*}"),
            ("GetPart", "arn:aws:s::{account}:thing/{Id}/part/{Part}"),
            ("Tag", "{Arn}"),
        ],
    };

    fn of(operation: &str, input: &Map) -> Vec<String> {
        let caller = Caller {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            who: String::new(),
            access_key: String::new(),
            source: String::new(),
            request_id: String::new(),
            action: String::new(),
            at: Utc(0),
        };
        ARNS.of(&caller, operation, input)
    }

    fn list(ids: &[&str]) -> Vec<Value> {
        ids.iter().map(|id| Value::from(*id)).collect()
    }

    #[test]
    fn each_resource_that_a_call_names_is_an_arn() {
        let part = |id: &str| Value::from(Map::new().with("Id", id));
        let several = Map::new().with("Ids", list(&["1", "2"])).with("Parts", vec![part("a"), part("b")]);
        let place = "arn:aws:s:eu-west-1:123456789012:";
        for (operation, input, expected) in [
            ("ListThings", Map::new(), vec!["*".to_owned()]),
            ("StopThing", Map::new().with("Id", "7"), vec![format!("{place}thing:7")]),
            (
                "StartThings",
                several.clone(),
                ["thing:1", "thing:2", "part:a", "part:b"].map(|end| format!("{place}{end}")).into(),
            ),
            ("DescribeThings", several, ["thing:1", "thing:2"].map(|end| format!("{place}{end}")).into()),
            ("DescribeThings", Map::new(), vec![format!("{place}thing:*")]),
            (
                "GetPart",
                Map::new().with("Id", "7").with("Part", "8"),
                vec!["arn:aws:s::123456789012:thing/7/part/8".to_owned()],
            ),
            ("Tag", Map::new().with("Arn", "arn:x"), vec!["arn:x".to_owned()]),
        ] {
            assert_eq!(of(operation, &input), expected, "{operation}");
        }
    }

    #[test]
    fn what_a_call_does_not_name_is_left_open() {
        let ids: Vec<String> = (0..=MOST).map(|id| id.to_string()).collect();
        let ids = list(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        for (operation, input) in [
            ("UnknownOperation", Map::new()),
            ("StartThing", Map::new()),
            ("StartThing", Map::new().with("Id", 7)),
            ("GetPart", Map::new().with("Id", "7")),
            ("StartThings", Map::new().with("Ids", ids)),
        ] {
            assert_eq!(of(operation, &input), Vec::<String>::new(), "{operation}");
        }
    }
}
