//! Purpose: an expression as a tree.

use regex::Regex;

/// What an expression evaluates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Scalar,
    Vector,
    Range,
}

impl Kind {
    /// Prometheus' name for it.
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Range => "range vector",
        }
    }
}

#[derive(Debug, Clone)]
pub(in super::super) enum Expr {
    Number(f64),
    Selector(Selector),
    Call {
        function: Function,
        args: Vec<Expr>,
    },
    Aggregate {
        operator: Aggregation,
        grouping: Grouping,
        of: Box<Expr>,
    },
    Binary {
        operator: Operator,
        bool: bool,
        matching: Option<Grouping>,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Negate(Box<Expr>),
}

impl Expr {
    pub(in super::super) fn kind(&self) -> Kind {
        match self {
            Self::Number(_) => Kind::Scalar,
            Self::Selector(selector) if selector.range_ms.is_some() => Kind::Range,
            Self::Selector(_) | Self::Aggregate { .. } => Kind::Vector,
            Self::Call { function, .. } => function.returns(),
            Self::Negate(of) => of.kind(),
            Self::Binary { left, right, .. } => match (left.kind(), right.kind()) {
                (Kind::Scalar, Kind::Scalar) => Kind::Scalar,
                _ => Kind::Vector,
            },
        }
    }
}

#[derive(Debug, Clone)]
pub(in super::super) struct Selector {
    pub(in super::super) matchers: Vec<Matcher>,
    pub(in super::super) range_ms: Option<i64>,
    pub(in super::super) offset_ms: i64,
}

#[derive(Debug, Clone)]
pub(in super::super) struct Matcher {
    pub(in super::super) label: String,
    pub(in super::super) test: Test,
}

#[derive(Debug, Clone)]
pub(in super::super) enum Test {
    Equal(String),
    NotEqual(String),
    Match(Regex),
    NotMatch(Regex),
}

impl Matcher {
    /// A label that a series does not have counts as empty.
    pub(in super::super) fn matches(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(wanted) => value == wanted,
            Test::NotEqual(wanted) => value != wanted,
            Test::Match(regex) => regex.is_match(value),
            Test::NotMatch(regex) => !regex.is_match(value),
        }
    }
}

/// `by (a, b)` and `without (a)`, or `on (a)` and `ignoring (a)`.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Grouping {
    /// Whether the labels are those left out.
    pub(in super::super) without: bool,
    pub(in super::super) labels: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Aggregation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
}

impl Aggregation {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "avg" => Self::Avg,
            "min" => Self::Min,
            "max" => Self::Max,
            "count" => Self::Count,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Function {
    Rate,
    Irate,
    Increase,
    AvgOverTime,
    MinOverTime,
    MaxOverTime,
    SumOverTime,
    CountOverTime,
    HistogramQuantile,
    Abs,
    Time,
    Vector,
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "rate" => Self::Rate,
            "irate" => Self::Irate,
            "increase" => Self::Increase,
            "avg_over_time" => Self::AvgOverTime,
            "min_over_time" => Self::MinOverTime,
            "max_over_time" => Self::MaxOverTime,
            "sum_over_time" => Self::SumOverTime,
            "count_over_time" => Self::CountOverTime,
            "histogram_quantile" => Self::HistogramQuantile,
            "abs" => Self::Abs,
            "time" => Self::Time,
            "vector" => Self::Vector,
            _ => return None,
        })
    }

    pub(super) fn takes(self) -> &'static [Kind] {
        match self {
            Self::HistogramQuantile => &[Kind::Scalar, Kind::Vector],
            Self::Abs => &[Kind::Vector],
            Self::Time => &[],
            Self::Vector => &[Kind::Scalar],
            _ => &[Kind::Range],
        }
    }

    fn returns(self) -> Kind {
        if self == Self::Time {
            Kind::Scalar
        } else {
            Kind::Vector
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Operator {
    Or,
    And,
    Unless,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

impl Operator {
    /// How tightly it binds.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            _ if self.compares() => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Modulo => 5,
            _ => 6,
        }
    }

    pub(super) fn compares(self) -> bool {
        use Operator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
    }

    pub(super) fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        Some(match text {
            "or" => Self::Or,
            "and" => Self::And,
            "unless" => Self::Unless,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "+" => Self::Add,
            "-" => Self::Subtract,
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "%" => Self::Modulo,
            "^" => Self::Power,
            _ => return None,
        })
    }
}
