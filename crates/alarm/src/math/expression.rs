//! What an expression is made of.

/// Longest text, in bytes.
pub const MAX_BYTES: usize = 2048;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 32;

/// An expression that can be computed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Name(String),
    List(Vec<Expression>),
    Negated(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
    /// FILL: the second is `None` for REPEAT.
    Fill(Box<Expression>, Option<Box<Expression>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Sum,
    Avg,
    Min,
    Max,
    If,
    Abs,
    Ceil,
    Floor,
    Diff,
    Rate,
    Period,
    Metrics,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionFault {
    /// Too long.
    #[error("an expression has 1 to {MAX_BYTES} bytes")]
    Length,
    /// Nested too deeply.
    #[error("an expression is nested at most {MAX_DEPTH} deep")]
    Depth,
    /// Something else was to come.
    #[error("at byte {at}, {wanted} was to come")]
    Expected {
        /// How many bytes were read.
        at: usize,
        /// What was to come.
        wanted: &'static str,
    },
    /// A function that CloudWatch has.
    #[error("{0} is not implemented")]
    NotImplemented(String),
    /// A function that nobody has.
    #[error("there is no function {0}")]
    UnknownFunction(String),
    /// A function was given too much or too little.
    #[error("{function} takes {wanted}")]
    Arguments {
        /// Which function.
        function: String,
        /// What it takes.
        wanted: &'static str,
    },
}

impl Expression {
    /// The queries it names.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.gather(&mut names);
        names
    }

    /// Whether it asks for all metrics.
    pub(super) fn calls_metrics(&self) -> bool {
        match self {
            Expression::Number(_) | Expression::Name(_) => false,
            Expression::Call(Function::Metrics, _) => true,
            Expression::List(list) | Expression::Call(_, list) => list.iter().any(Expression::calls_metrics),
            Expression::Negated(one) | Expression::Fill(one, None) => one.calls_metrics(),
            Expression::Binary(_, a, b) | Expression::Fill(a, Some(b)) => {
                a.calls_metrics() || b.calls_metrics()
            }
        }
    }

    fn gather(&self, names: &mut Vec<String>) {
        match self {
            Expression::Number(_) => {}
            Expression::Name(name) => names.push(name.clone()),
            Expression::List(list) | Expression::Call(_, list) => {
                list.iter().for_each(|one| one.gather(names))
            }
            Expression::Negated(one) | Expression::Fill(one, None) => one.gather(names),
            Expression::Binary(_, a, b) | Expression::Fill(a, Some(b)) => {
                a.gather(names);
                b.gather(names);
            }
        }
    }
}
