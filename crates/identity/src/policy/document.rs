//! A policy document: its JSON read into statements, or refused by name.

use super::condition::Condition;
use super::json::Json;
use super::pattern::{ArnPattern, Case, Pattern, Variables};
use super::{Call, Decision};

/// Largest document, in bytes (AWS's bound for managed policies counts 6,144 without blanks).
pub const MAX_BYTES: usize = 20 * 1024;
/// Most statements in a document.
pub const MAX_STATEMENTS: usize = 128;

/// A policy that was read: [`decide`](super::decide) asks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    text: String,
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    effect: Effect,
    actions: Names<Pattern>,
    resources: Names<ArnPattern>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq)]
enum Names<P> {
    AnyOf(Vec<P>),
    NoneOf(Vec<P>),
}

/// Why a document is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// Over [`MAX_BYTES`].
    #[error("a policy has at most {MAX_BYTES} bytes")]
    TooLarge,
    /// Over [`MAX_STATEMENTS`].
    #[error("a policy has at most {MAX_STATEMENTS} statements")]
    TooManyStatements,
    /// Not JSON, or one of its objects names a member twice.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// A member has another shape than it should.
    #[error("`{member}` must be {shape}")]
    Shape {
        /// Which.
        member: &'static str,
        /// What it should be.
        shape: &'static str,
    },
    /// A member that is not known here.
    #[error("a policy of an identity has no `{0}`")]
    Member(String),
    /// A member is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Both of two that exclude each other.
    #[error("a statement has either `{0}` or `Not{0}`")]
    Both(&'static str),
    /// A list with nothing in it.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// Another version.
    #[error("Version must be 2012-10-17 or 2008-10-17, not `{0}`")]
    Version(String),
    /// Another effect.
    #[error("Effect must be Allow or Deny, not `{0}`")]
    Effect(String),
    /// A statement's name is not one, or comes twice.
    #[error("statement IDs (SID) in a policy are unique, and of letters and digits: `{0}`")]
    Sid(String),
    /// Neither `*` nor `service:name`.
    #[error("`{0}` is no action: `service:Name`, with `*` or `?` in the name alone, or `*`")]
    Action(String),
    /// Neither `*` nor an ARN of six parts.
    #[error("`{0}` is no resource: `arn:partition:service:region:account:resource`, or `*`")]
    Resource(String),
    /// An operator that is not known here.
    #[error("condition operator `{0}` is not known")]
    Operator(String),
    /// Not a condition key.
    #[error("`{0}` is no condition key")]
    Key(String),
    /// A value its operator cannot take.
    #[error("`{value}` is no value for {operator}")]
    Value {
        /// The operator.
        operator: String,
        /// The value.
        value: String,
    },
}

impl Document {
    /// Reads a document. All of it is understood, or it is refused.
    pub fn parse(text: &str) -> Result<Self, PolicyFault> {
        if text.len() > MAX_BYTES {
            return Err(PolicyFault::TooLarge);
        }
        let json: Json = serde_json::from_str(text).map_err(|fault| PolicyFault::Json(fault.to_string()))?;
        let Json::Object(members) = json else {
            return Err(PolicyFault::Shape { member: "policy", shape: "an object" });
        };
        let (mut variables, mut list) = (Variables::Literal, None);
        for (name, value) in members {
            match name.as_str() {
                "Version" => match one(&value, "Version")? {
                    "2012-10-17" => variables = Variables::Substituted,
                    "2008-10-17" => {}
                    other => return Err(PolicyFault::Version(other.to_owned())),
                },
                "Id" => drop(one(&value, "Id")?),
                "Statement" => {
                    list = Some(match value {
                        Json::List(list) => list,
                        single => vec![single],
                    })
                }
                _ => return Err(PolicyFault::Member(name)),
            }
        }
        let list = list.ok_or(PolicyFault::Missing("Statement"))?;
        match list.len() {
            0 => return Err(PolicyFault::Empty("Statement")),
            1..=MAX_STATEMENTS => {}
            _ => return Err(PolicyFault::TooManyStatements),
        }
        let mut names = Vec::new();
        let read = |statement| Statement::parse(statement, variables, &mut names);
        let statements = list.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Document { text: text.to_owned(), statements })
    }

    /// The document as it came, which is how it is given back.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn decide(&self, call: &Call<'_>) -> Decision {
        let mut decision = Decision::NotAllowed;
        for statement in self.statements.iter().filter(|statement| statement.covers(call)) {
            match statement.effect {
                Effect::Deny => return Decision::Denied,
                Effect::Allow => decision = Decision::Allowed,
            }
        }
        decision
    }

    pub(super) fn decide_on_any(&self, call: &Call<'_>) -> Decision {
        let mut decision = Decision::NotAllowed;
        for statement in self.statements.iter().filter(|statement| statement.covers_but_resource(call)) {
            match statement.effect {
                Effect::Deny => return Decision::Denied,
                Effect::Allow if statement.resources.are_all() => decision = Decision::Allowed,
                Effect::Allow => {}
            }
        }
        decision
    }
}

impl Statement {
    fn parse(json: Json, variables: Variables, names: &mut Vec<String>) -> Result<Self, PolicyFault> {
        let Json::Object(members) = json else {
            return Err(PolicyFault::Shape { member: "Statement", shape: "an object, or a list of them" });
        };
        let (mut effect, mut actions, mut resources, mut conditions) = (None, None, None, Vec::new());
        let action = |text: &String| action(text, variables).ok_or_else(|| PolicyFault::Action(text.clone()));
        let resource = |text: &String| {
            ArnPattern::parse(text, variables).ok_or_else(|| PolicyFault::Resource(text.clone()))
        };
        for (name, value) in members {
            match name.as_str() {
                "Sid" => {
                    let sid = one(&value, "Sid")?.to_owned();
                    let is_name = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
                    if !is_name || (!sid.is_empty() && names.contains(&sid)) {
                        return Err(PolicyFault::Sid(sid));
                    }
                    names.push(sid);
                }
                "Effect" => {
                    effect = Some(match one(&value, "Effect")? {
                        "Allow" => Effect::Allow,
                        "Deny" => Effect::Deny,
                        other => return Err(PolicyFault::Effect(other.to_owned())),
                    })
                }
                "Action" | "NotAction" => {
                    let read = many(value, "Action")?.iter().map(action).collect::<Result<_, _>>()?;
                    set(&mut actions, Names::of(&name, read), "Action")?;
                }
                "Resource" | "NotResource" => {
                    let read = many(value, "Resource")?.iter().map(resource).collect::<Result<_, _>>()?;
                    set(&mut resources, Names::of(&name, read), "Resource")?;
                }
                "Condition" => conditions = read_conditions(value, variables)?,
                _ => return Err(PolicyFault::Member(name)),
            }
        }
        Ok(Statement {
            effect: effect.ok_or(PolicyFault::Missing("Effect"))?,
            actions: actions.ok_or(PolicyFault::Missing("Action"))?,
            resources: resources.ok_or(PolicyFault::Missing("Resource"))?,
            conditions,
        })
    }

    fn covers(&self, call: &Call<'_>) -> bool {
        self.resources.cover(|pattern| pattern.matches(call.resource, call.context))
            && self.covers_but_resource(call)
    }

    fn covers_but_resource(&self, call: &Call<'_>) -> bool {
        self.actions.cover(|pattern| pattern.matches(call.action, Case::Insensitive, call.context))
            && self.conditions.iter().all(|condition| condition.holds(call.context))
    }
}

impl<P> Names<P> {
    fn of(member: &str, patterns: Vec<P>) -> Self {
        if member.starts_with("Not") { Names::NoneOf(patterns) } else { Names::AnyOf(patterns) }
    }

    fn cover(&self, matches: impl Fn(&P) -> bool) -> bool {
        match self {
            Names::AnyOf(patterns) => patterns.iter().any(matches),
            Names::NoneOf(patterns) => !patterns.iter().any(matches),
        }
    }
}

impl Names<ArnPattern> {
    /// Certainly every resource.
    fn are_all(&self) -> bool {
        matches!(self, Names::AnyOf(patterns) if patterns.iter().any(ArnPattern::is_all))
    }
}

fn set<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), PolicyFault> {
    if place.replace(value).is_some() { Err(PolicyFault::Both(name)) } else { Ok(()) }
}

/// `*`, or `service:name`; an action has no variables.
fn action(text: &str, variables: Variables) -> Option<Pattern> {
    if text != "*" {
        let (service, name) = text.split_once(':')?;
        let is_service = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"*?".contains(&byte);
        if service.is_empty()
            || name.is_empty()
            || !service.bytes().all(is_service)
            || !name.bytes().all(is_name)
        {
            return None;
        }
    }
    Pattern::parse(text, variables)
}

fn read_conditions(json: Json, variables: Variables) -> Result<Vec<Condition>, PolicyFault> {
    let shape =
        PolicyFault::Shape { member: "Condition", shape: "an object of operators, each an object of keys" };
    let Json::Object(operators) = json else { return Err(shape) };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Json::Object(keys) = keys else { return Err(shape) };
        if keys.is_empty() {
            return Err(PolicyFault::Empty("a condition's keys"));
        }
        for (key, values) in keys {
            let values = many(values, "a condition's values")?;
            conditions.push(Condition::parse(&operator, &key, &values, variables)?);
        }
    }
    Ok(conditions)
}

fn one<'a>(json: &'a Json, member: &'static str) -> Result<&'a str, PolicyFault> {
    match json {
        Json::Text(text) => Ok(text),
        _ => Err(PolicyFault::Shape { member, shape: "text" }),
    }
}

/// A text, or a list of at least one.
fn many(json: Json, member: &'static str) -> Result<Vec<String>, PolicyFault> {
    let shape = PolicyFault::Shape { member, shape: "text, or a list of texts" };
    match json {
        Json::Text(text) => Ok(vec![text]),
        Json::List(list) if list.is_empty() => Err(PolicyFault::Empty(member)),
        Json::List(list) => {
            let text = |item| if let Json::Text(text) = item { Ok(text) } else { Err(shape.clone()) };
            list.into_iter().map(text).collect()
        }
        Json::Object(_) => Err(shape),
    }
}
