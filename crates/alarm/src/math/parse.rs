//! Reads an expression.
//!
//! `or = and {OR and}`, `and = comparison {AND comparison}`, `comparison = sum [< sum]`, `sum = product {+ product}`, `product = power {* power}`,
//! `power = unary [^ power]`, `unary = [-] primary`, `primary = number | name | NAME(or, …) | [or, …] | (or)`.

use super::expression::{Expression, ExpressionFault, Function, MAX_BYTES, MAX_DEPTH, Operator};

/// Functions that CloudWatch has and this has not.
const NOT_IMPLEMENTED: &[&str] = &[
    "ANOMALY_DETECTION_BAND",
    "DATAPOINT_COUNT",
    "DATE",
    "DAY",
    "DB_PERF_INSIGHTS",
    "DIFF_TIME",
    "EPOCH",
    "FIRST",
    "HOUR",
    "INSIGHT_RULE_METRIC",
    "LAMBDA",
    "LAST",
    "LOG",
    "LOG10",
    "METRIC_COUNT",
    "MINUTE",
    "MONTH",
    "REMOVE_EMPTY",
    "RUNNING_SUM",
    "SEARCH",
    "SERVICE_QUOTA",
    "SLICE",
    "SORT",
    "STDDEV",
    "TIME_SERIES",
    "YEAR",
];

impl Expression {
    /// Reads a whole text.
    pub(super) fn parse(text: &str) -> Result<Expression, ExpressionFault> {
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(ExpressionFault::Length);
        }
        let mut parser = Parser { text, at: 0, depth: 0 };
        let expression = parser.or()?;
        parser.blanks();
        if parser.at < text.len() {
            return Err(parser.expected("an operator or the end"));
        }
        Ok(expression)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Expression, ExpressionFault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExpressionFault::Depth);
        }
        let mut left = self.and()?;
        while self.word("OR") || self.symbol("||") {
            left = binary(Operator::Or, left, self.and()?);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, ExpressionFault> {
        let mut left = self.comparison()?;
        while self.word("AND") || self.symbol("&&") {
            left = binary(Operator::And, left, self.comparison()?);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression, ExpressionFault> {
        let left = self.sum()?;
        // The longer ones first.
        let operators = [
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        for (symbol, operator) in operators {
            if self.symbol(symbol) {
                return Ok(binary(operator, left, self.sum()?));
            }
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expression, ExpressionFault> {
        let mut left = self.product()?;
        loop {
            let operator = if self.symbol("+") {
                Operator::Add
            } else if self.symbol("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.product()?);
        }
    }

    fn product(&mut self) -> Result<Expression, ExpressionFault> {
        let mut left = self.power()?;
        loop {
            let operator = if self.symbol("*") {
                Operator::Multiply
            } else if self.symbol("/") {
                Operator::Divide
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.power()?);
        }
    }

    fn power(&mut self) -> Result<Expression, ExpressionFault> {
        let mut left = self.unary()?;
        while self.symbol("^") {
            left = binary(Operator::Power, left, self.unary()?);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, ExpressionFault> {
        let mut negative = false;
        while self.symbol("-") {
            negative = !negative;
        }
        let one = self.primary()?;
        Ok(if negative { Expression::Negated(Box::new(one)) } else { one })
    }

    fn primary(&mut self) -> Result<Expression, ExpressionFault> {
        if self.symbol("(") {
            let inner = self.or()?;
            return self.symbol(")").then_some(inner).ok_or_else(|| self.expected("`)`"));
        }
        if self.symbol("[") {
            let list = self.arguments("]", "`]` or `,`")?;
            return if list.is_empty() {
                Err(self.expected("a list of something"))
            } else {
                Ok(Expression::List(list))
            };
        }
        self.blanks();
        let rest = &self.text[self.at..];
        let taken = |more: fn(char) -> bool| rest.find(|c| !more(c)).unwrap_or(rest.len());
        match rest.chars().next() {
            Some(c) if c.is_ascii_digit() || c == '.' => {
                let length = taken(|c| c.is_ascii_digit() || c == '.');
                let number = rest[..length].parse::<f64>().map_err(|_| self.expected("a number"))?;
                self.at += length;
                Ok(Expression::Number(number))
            }
            Some(c) if c.is_ascii_alphabetic() => {
                let name = &rest[..taken(|c| c.is_ascii_alphanumeric() || c == '_')];
                self.at += name.len();
                if c.is_ascii_uppercase() {
                    return self.call(name);
                }
                Ok(Expression::Name(name.to_owned()))
            }
            _ => Err(self.expected("a number, an id, a function, `(` or `[`")),
        }
    }

    fn call(&mut self, name: &str) -> Result<Expression, ExpressionFault> {
        let known = [
            ("SUM", Function::Sum, 1..=MAX_BYTES, "a list, or one or more arguments"),
            ("AVG", Function::Avg, 1..=MAX_BYTES, "a list, or one or more arguments"),
            ("MIN", Function::Min, 1..=MAX_BYTES, "a list, or one or more arguments"),
            ("MAX", Function::Max, 1..=MAX_BYTES, "a list, or one or more arguments"),
            ("IF", Function::If, 2..=3, "a condition, a value, and a value otherwise"),
            ("ABS", Function::Abs, 1..=1, "one argument"),
            ("CEIL", Function::Ceil, 1..=1, "one argument"),
            ("FLOOR", Function::Floor, 1..=1, "one argument"),
            ("DIFF", Function::Diff, 1..=1, "one argument"),
            ("RATE", Function::Rate, 1..=1, "one argument"),
            ("PERIOD", Function::Period, 1..=1, "one argument"),
            ("METRICS", Function::Metrics, 0..=0, "no argument: a filter is not implemented"),
        ];
        let upper = name.chars().take(40).collect::<String>();
        if NOT_IMPLEMENTED.contains(&name) {
            return Err(ExpressionFault::NotImplemented(upper));
        }
        if name == "FILL" {
            return self.fill();
        }
        let Some((_, function, count, wanted)) = known.into_iter().find(|known| known.0 == name) else {
            return Err(ExpressionFault::UnknownFunction(upper));
        };
        if !self.symbol("(") {
            return Err(self.expected("`(`"));
        }
        let arguments = self.arguments(")", "`)` or `,`")?;
        if !count.contains(&arguments.len()) {
            return Err(ExpressionFault::Arguments { function: upper, wanted });
        }
        Ok(Expression::Call(function, arguments))
    }

    fn fill(&mut self) -> Result<Expression, ExpressionFault> {
        if !self.symbol("(") {
            return Err(self.expected("`(`"));
        }
        let series = Box::new(self.or()?);
        if !self.symbol(",") {
            return Err(self.expected("`,` and what to fill with"));
        }
        let with = if self.word("REPEAT") {
            None
        } else if self.word("LINEAR") {
            return Err(ExpressionFault::NotImplemented("FILL with LINEAR".to_owned()));
        } else {
            Some(Box::new(self.or()?))
        };
        self.symbol(")").then_some(Expression::Fill(series, with)).ok_or_else(|| self.expected("`)`"))
    }

    fn arguments(&mut self, end: &str, wanted: &'static str) -> Result<Vec<Expression>, ExpressionFault> {
        let mut list = Vec::new();
        if self.symbol(end) {
            return Ok(list);
        }
        loop {
            list.push(self.or()?);
            if self.symbol(end) {
                return Ok(list);
            }
            if !self.symbol(",") {
                return Err(self.expected(wanted));
            }
        }
    }

    /// A symbol, if it comes next.
    fn symbol(&mut self, symbol: &str) -> bool {
        self.blanks();
        let comes = self.text[self.at..].starts_with(symbol);
        self.at += if comes { symbol.len() } else { 0 };
        comes
    }

    /// A word of its own, if it comes next.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.text[self.at..].strip_prefix(word);
        let comes =
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
        self.at += if comes { word.len() } else { 0 };
        comes
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn expected(&self, wanted: &'static str) -> ExpressionFault {
        ExpressionFault::Expected { at: self.at, wanted }
    }
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Binary(operator, Box::new(left), Box::new(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_expression_is_a_fault_with_its_place() {
        let fault = |text: &str| Expression::parse(text).unwrap_err();
        assert_eq!(fault(""), ExpressionFault::Length);
        assert_eq!(fault(&"1".repeat(2049)), ExpressionFault::Length);
        assert_eq!(fault(&"(".repeat(40)), ExpressionFault::Depth);
        assert!(matches!(fault("1 +"), ExpressionFault::Expected { at: 3, .. }));
        assert!(matches!(fault("1 2"), ExpressionFault::Expected { at: 2, .. }));
        assert!(matches!(fault("SUM([])"), ExpressionFault::Expected { .. }));
        assert!(matches!(fault("1..2"), ExpressionFault::Expected { .. }));
        assert_eq!(fault("NOPE(1)"), ExpressionFault::UnknownFunction("NOPE".to_owned()));
        assert_eq!(fault("STDDEV(m1)"), ExpressionFault::NotImplemented("STDDEV".to_owned()));
        assert_eq!(fault("FILL(m1, LINEAR)"), ExpressionFault::NotImplemented("FILL with LINEAR".to_owned()));
        assert!(matches!(fault("IF(1)"), ExpressionFault::Arguments { .. }));
    }

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_a_fault(text in "[-+*/^()\\[\\],.<>=!&|a-z0-9 A-Z]{0,60}|\\PC{0,40}") {
            let _ = Expression::parse(&text);
        }
    }
}
