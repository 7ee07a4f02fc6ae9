//! Computes an expression, period by period.

use super::expression::{Expression, Function, Operator};

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// The same at all times; `None` where it cannot be computed.
    Number(Option<f64>),
    /// A value a period, or none.
    Series(Vec<Option<f64>>),
    /// Several of these, for functions that join them.
    List(Vec<Vec<Option<f64>>>),
}

/// What names stand for.
pub(super) struct Scope {
    periods: usize,
    period_s: u32,
    names: Vec<(String, Value)>,
    metrics: Vec<Vec<Option<f64>>>,
}

impl Scope {
    pub(super) fn new(periods: usize, period_s: u32) -> Scope {
        Scope { periods, period_s, names: Vec::new(), metrics: Vec::new() }
    }

    pub(super) fn name(&mut self, name: &str, value: Value, is_metric: bool) {
        if let (true, Value::Series(series)) = (is_metric, &value) {
            self.metrics.push(series.clone());
        }
        self.names.push((name.to_owned(), value));
    }

    /// A name's values. A number stands where any metric has a value; a list is none.
    pub(super) fn series(&self, name: &str) -> Vec<Option<f64>> {
        match self.find(name) {
            Value::Series(series) => series,
            Value::Number(number) => {
                let known = |place: usize| self.metrics.iter().any(|metric| metric[place].is_some());
                (0..self.periods).map(|place| number.filter(|_| known(place))).collect()
            }
            Value::List(_) => vec![None; self.periods],
        }
    }

    pub(super) fn compute(&self, expression: &Expression) -> Value {
        match expression {
            Expression::Number(number) => Value::Number(Some(*number)),
            Expression::Name(name) => self.find(name),
            Expression::List(list) => {
                Value::List(list.iter().flat_map(|one| self.lines(self.compute(one))).collect())
            }
            Expression::Negated(one) => each(self.compute(one), |value| -value),
            Expression::Binary(operator, a, b) => {
                let (a, b) = (self.compute(a), self.compute(b));
                self.pairs(a, b, |a, b| apply(*operator, a?, b?))
            }
            Expression::Fill(series, None) => {
                let mut last = None;
                let repeat = |value: Option<f64>| {
                    last = value.or(last);
                    last
                };
                Value::Series(self.line(self.compute(series)).into_iter().map(repeat).collect())
            }
            Expression::Fill(series, Some(with)) => {
                let series = Value::Series(self.line(self.compute(series)));
                self.pairs(series, self.compute(with), Option::or)
            }
            Expression::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn call(&self, function: Function, arguments: &[Expression]) -> Value {
        let first = || self.compute(&arguments[0]);
        match function {
            Function::Sum => self.join(arguments, |values| values.iter().sum()),
            Function::Avg => self.join(arguments, |values| values.iter().sum::<f64>() / values.len() as f64),
            Function::Min => {
                self.join(arguments, |values| values.iter().copied().fold(f64::INFINITY, f64::min))
            }
            Function::Max => {
                self.join(arguments, |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
            }
            Function::Abs => each(first(), f64::abs),
            Function::Ceil => each(first(), f64::ceil),
            Function::Floor => each(first(), f64::floor),
            Function::Diff => Value::Series(self.differences(first(), |difference, _| difference)),
            Function::Rate => {
                let period_s = f64::from(self.period_s);
                Value::Series(
                    self.differences(first(), |difference, periods| difference / (periods * period_s)),
                )
            }
            Function::Period => Value::Number(Some(f64::from(self.period_s))),
            Function::Metrics => Value::List(self.metrics.clone()),
            Function::If => {
                let condition = self.line(first());
                let yes = self.line(self.compute(&arguments[1]));
                let no = arguments.get(2).map(|no| self.line(self.compute(no)));
                let choose = |place: usize| match condition[place] {
                    Some(truth) if truth != 0.0 => yes[place],
                    Some(_) => no.as_ref().and_then(|no| no[place]),
                    None => None,
                };
                Value::Series((0..self.periods).map(choose).collect())
            }
        }
    }

    /// Joins lines period by period, passing over what is missing; one line alone is joined over time.
    fn join(&self, arguments: &[Expression], join: impl Fn(&[f64]) -> f64) -> Value {
        let joined =
            |values: Vec<f64>| (!values.is_empty()).then(|| join(&values)).filter(|value| value.is_finite());
        let lines = match arguments {
            [one] => match self.compute(one) {
                Value::Series(series) => {
                    return Value::Number(joined(series.into_iter().flatten().collect()));
                }
                Value::Number(number) => return Value::Number(number),
                Value::List(lines) => lines,
            },
            several => several.iter().flat_map(|one| self.lines(self.compute(one))).collect(),
        };
        let at = |place: usize| joined(lines.iter().filter_map(|line| line[place]).collect());
        Value::Series((0..self.periods).map(at).collect())
    }

    /// Each value less the one before it, however many periods ago that was.
    fn differences(&self, value: Value, of: impl Fn(f64, f64) -> f64) -> Vec<Option<f64>> {
        let mut before: Option<(usize, f64)> = None;
        let places = self.line(value).into_iter().enumerate();
        let difference = |(place, value): (usize, Option<f64>)| {
            let value = value?;
            let found = before.map(|(earlier, less)| of(value - less, (place - earlier) as f64));
            before = Some((place, value));
            found
        };
        places.map(difference).collect()
    }

    fn pairs(&self, a: Value, b: Value, of: impl Fn(Option<f64>, Option<f64>) -> Option<f64>) -> Value {
        if let (Value::Number(a), Value::Number(b)) = (&a, &b) {
            return Value::Number(of(*a, *b));
        }
        let (a, b) = (self.line(a), self.line(b));
        Value::Series(a.into_iter().zip(b).map(|(a, b)| of(a, b)).collect())
    }

    /// A value as one line; of a list nothing is left, since nothing says which.
    fn line(&self, value: Value) -> Vec<Option<f64>> {
        match value {
            Value::Series(series) => series,
            Value::Number(number) => vec![number; self.periods],
            Value::List(_) => vec![None; self.periods],
        }
    }

    fn lines(&self, value: Value) -> Vec<Vec<Option<f64>>> {
        match value {
            Value::List(lines) => lines,
            other => vec![self.line(other)],
        }
    }

    fn find(&self, name: &str) -> Value {
        let found = self.names.iter().find(|(known, _)| known == name);
        found.map_or(Value::Number(None), |(_, value)| value.clone())
    }
}

fn each(value: Value, of: impl Fn(f64) -> f64) -> Value {
    match value {
        Value::Number(number) => Value::Number(number.map(of)),
        Value::Series(series) => Value::Series(series.into_iter().map(|value| value.map(&of)).collect()),
        Value::List(lines) => Value::List(
            lines.into_iter().map(|line| line.into_iter().map(|value| value.map(&of)).collect()).collect(),
        ),
    }
}

/// A result that is no number, as of a division by nothing, is none.
fn apply(operator: Operator, a: f64, b: f64) -> Option<f64> {
    let truth = |truth: bool| if truth { 1.0 } else { 0.0 };
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Power => a.powf(b),
        Operator::Less => truth(a < b),
        Operator::LessOrEqual => truth(a <= b),
        Operator::Greater => truth(a > b),
        Operator::GreaterOrEqual => truth(a >= b),
        Operator::Equal => truth(a == b),
        Operator::NotEqual => truth(a != b),
        Operator::And => truth(a != 0.0 && b != 0.0),
        Operator::Or => truth(a != 0.0 || b != 0.0),
    };
    result.is_finite().then_some(result)
}
