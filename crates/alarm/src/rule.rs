//! What a composite alarm says, as an expression over the states of others.
//!
//! `or = and {OR and}`, `and = not {AND not}`, `not = {NOT} primary`, `primary = (or) | TRUE | FALSE | ALARM(name) | OK(name) | INSUFFICIENT_DATA(name)`.
//! Names may be in double quotes, and are the name or the ARN of an alarm. Spec: CloudWatch API, PutCompositeAlarm, AlarmRule.

use crate::status::State;

/// Longest text, in bytes.
pub const MAX_BYTES: usize = 10_240;
/// Most alarms that it may name.
pub const MAX_ALARMS: usize = 100;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 64;

/// An expression over the states of alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: String,
    root: Node,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Is(State, String),
    Constant(bool),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// Too long, or nothing.
    #[error("AlarmRule has 1 to {MAX_BYTES} bytes")]
    Length,
    /// Nested too deeply.
    #[error("AlarmRule is nested at most {MAX_DEPTH} deep")]
    Depth,
    /// Names too many alarms.
    #[error("AlarmRule names at most {MAX_ALARMS} alarms")]
    TooManyAlarms,
    /// Something else was to come.
    #[error("AlarmRule: at byte {at}, {wanted} was to come")]
    Expected {
        /// How many bytes were read.
        at: usize,
        /// What was to come.
        wanted: &'static str,
    },
    /// A function that CloudWatch has and this has not.
    #[error("AlarmRule: {0} is not implemented")]
    NotImplemented(&'static str),
}

impl Rule {
    /// Reads a rule.
    pub fn parse(text: &str) -> Result<Rule, RuleFault> {
        if text.trim().is_empty() || text.len() > MAX_BYTES {
            return Err(RuleFault::Length);
        }
        let mut parser = Parser { text, at: 0, depth: 0 };
        let root = parser.or()?;
        parser.blanks();
        if parser.at < text.len() {
            return Err(parser.expected("AND, OR or the end"));
        }
        let rule = Rule { text: text.to_owned(), root };
        if rule.alarms().len() > MAX_ALARMS {
            return Err(RuleFault::TooManyAlarms);
        }
        Ok(rule)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names and ARNs of the alarms it looks at, each once, sorted.
    pub fn alarms(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.gather(&mut names);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether it holds, where `state` tells an alarm's state by its name or ARN as written; an alarm that is gone is in
    /// none.
    pub fn holds(&self, state: impl Fn(&str) -> Option<State>) -> bool {
        self.root.holds(&state)
    }
}

impl Node {
    fn holds(&self, state: &impl Fn(&str) -> Option<State>) -> bool {
        match self {
            Node::Is(wanted, name) => state(name) == Some(*wanted),
            Node::Constant(truth) => *truth,
            Node::Not(one) => !one.holds(state),
            Node::And(all) => all.iter().all(|one| one.holds(state)),
            Node::Or(any) => any.iter().any(|one| one.holds(state)),
        }
    }

    fn gather<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Node::Is(_, name) => names.push(name),
            Node::Constant(_) => {}
            Node::Not(one) => one.gather(names),
            Node::And(list) | Node::Or(list) => list.iter().for_each(|one| one.gather(names)),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Node, RuleFault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(RuleFault::Depth);
        }
        let mut list = vec![self.and()?];
        while self.word("OR") {
            list.push(self.and()?);
        }
        self.depth -= 1;
        Ok(one_or(list, Node::Or))
    }

    fn and(&mut self) -> Result<Node, RuleFault> {
        let mut list = vec![self.not()?];
        while self.word("AND") {
            list.push(self.not()?);
        }
        Ok(one_or(list, Node::And))
    }

    fn not(&mut self) -> Result<Node, RuleFault> {
        let mut negated = false;
        while self.word("NOT") {
            negated = !negated;
        }
        let one = self.primary()?;
        Ok(if negated { Node::Not(Box::new(one)) } else { one })
    }

    fn primary(&mut self) -> Result<Node, RuleFault> {
        if self.symbol('(') {
            let inner = self.or()?;
            return self.symbol(')').then_some(inner).ok_or_else(|| self.expected("`)`"));
        }
        if self.word("TRUE") {
            return Ok(Node::Constant(true));
        }
        if self.word("FALSE") {
            return Ok(Node::Constant(false));
        }
        if self.word("AT_LEAST") {
            return Err(RuleFault::NotImplemented("AT_LEAST"));
        }
        for state in [State::Alarm, State::Ok, State::InsufficientData] {
            if self.word(state.as_str()) {
                return Ok(Node::Is(state, self.name()?));
            }
        }
        Err(self.expected("ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, NOT or `(`"))
    }

    /// `(name)` or `("name")`. Within quotes a backslash stands before a quote or another one.
    fn name(&mut self) -> Result<String, RuleFault> {
        if !self.symbol('(') {
            return Err(self.expected("`(` and an alarm's name"));
        }
        let mut name = String::new();
        if self.symbol('"') {
            let mut chars = self.text[self.at..].char_indices();
            loop {
                match chars.next() {
                    Some((at, '"')) => {
                        self.at += at + 1;
                        break;
                    }
                    Some((_, '\\')) => match chars.next() {
                        Some((_, c @ ('"' | '\\'))) => name.push(c),
                        _ => return Err(self.expected("`\"` or `\\` after a `\\`")),
                    },
                    Some((_, c)) => name.push(c),
                    None => return Err(self.expected("`\"` after the name")),
                }
            }
        } else {
            self.blanks();
            let rest = &self.text[self.at..];
            let end = rest
                .find(|c: char| c == ')' || c == '(' || c == '"' || c.is_whitespace())
                .unwrap_or(rest.len());
            name.push_str(&rest[..end]);
            self.at += end;
        }
        if name.is_empty() {
            return Err(self.expected("an alarm's name"));
        }
        if !self.symbol(')') {
            return Err(self.expected("`)`"));
        }
        Ok(name)
    }

    fn symbol(&mut self, symbol: char) -> bool {
        self.blanks();
        let comes = self.text[self.at..].starts_with(symbol);
        self.at += usize::from(comes);
        comes
    }

    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.text[self.at..].strip_prefix(word);
        let comes = rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        self.at += if comes { word.len() } else { 0 };
        comes
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn expected(&self, wanted: &'static str) -> RuleFault {
        RuleFault::Expected { at: self.at, wanted }
    }
}

fn one_or(mut list: Vec<Node>, several: fn(Vec<Node>) -> Node) -> Node {
    if list.len() == 1 { list.remove(0) } else { several(list) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Alarms named by their states: `a` in ALARM, `o` in OK, `i` in neither, all others gone.
    fn holds(text: &str) -> bool {
        Rule::parse(text).unwrap().holds(|name| match name {
            "a" | "arn:aws:cloudwatch:r:0:alarm:a b" => Some(State::Alarm),
            "o" => Some(State::Ok),
            "i" => Some(State::InsufficientData),
            _ => None,
        })
    }

    #[test]
    fn states_are_joined_by_and_or_and_not() {
        assert!(holds(r#"ALARM("a")"#));
        assert!(holds("ALARM(a) AND NOT ALARM(o)"));
        assert!(!holds("ALARM(a) AND OK(a)"));
        assert!(holds("OK(o) OR ALARM(o)"));
        assert!(holds("INSUFFICIENT_DATA(i)"));
        assert!(holds(r#"ALARM("arn:aws:cloudwatch:r:0:alarm:a b")"#));
        assert!(holds("NOT NOT TRUE AND (FALSE OR (OK ( o )))"));
    }

    #[test]
    fn and_binds_closer_than_or_and_not_closer_than_both() {
        assert!(holds("TRUE OR TRUE AND FALSE"));
        assert!(!holds("(TRUE OR TRUE) AND FALSE"));
        assert!(holds("NOT FALSE AND TRUE"));
        assert!(holds("NOT FALSE OR TRUE"));
    }

    #[test]
    fn an_alarm_that_is_gone_is_in_no_state() {
        assert!(!holds("ALARM(x) OR OK(x) OR INSUFFICIENT_DATA(x)"));
        assert!(holds("NOT ALARM(x)"));
    }

    #[test]
    fn the_alarms_it_looks_at_are_told_once_each() {
        let rule = Rule::parse(r#"ALARM(b) AND (OK(a) OR NOT ALARM("b") AND ALARM("c \"d\""))"#).unwrap();
        assert_eq!(rule.alarms(), ["a", "b", "c \"d\""]);
    }

    #[test]
    fn what_is_no_rule_is_a_fault_with_its_place() {
        let fault = |text: &str| Rule::parse(text).unwrap_err();
        assert_eq!(fault("  "), RuleFault::Length);
        assert_eq!(fault(&format!("TRUE{}", " ".repeat(10_240))), RuleFault::Length);
        assert_eq!(fault(&"(".repeat(70)), RuleFault::Depth);
        assert_eq!(fault("ALARM(a) ALARM(b)"), RuleFault::Expected { at: 9, wanted: "AND, OR or the end" });
        for text in [
            "ALARM",
            "ALARM()",
            "ALARM(a",
            "ALARM(\"a)",
            "ALARMS(a)",
            "AND",
            "ALARM(a) AND",
            "NOT",
            "ALARM(\"a\\n\")",
            "TRUEFALSE",
        ] {
            assert!(matches!(fault(text), RuleFault::Expected { .. }), "{text}");
        }
        assert_eq!(fault("AT_LEAST(1, ALARM, (a, b))"), RuleFault::NotImplemented("AT_LEAST"));
        let many: Vec<String> = (0..101).map(|n| format!("ALARM(a{n})")).collect();
        assert_eq!(fault(&many.join(" OR ")), RuleFault::TooManyAlarms);
        Rule::parse(&many[..100].join(" OR ")).unwrap();
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_a_fault(text in "((ALARM|OK|NOT|AND|OR|TRUE|[()\" a-z\\\\]) ?){0,40}|\\PC{0,60}") {
            if let Ok(rule) = Rule::parse(&text) {
                rule.holds(|_| Some(State::Ok));
            }
        }
    }
}
