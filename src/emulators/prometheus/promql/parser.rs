//! Purpose: from words to a tree, with the errors where Prometheus puts them.

use super::{
    Error,
    ast::{Aggregation, Expr, Function, Grouping, Kind, Matcher, Operator, Selector, Test},
    lexer::{self, Placed, Word},
};
use regex::Regex;

/// Brackets inside brackets: more is refused, because the stack is finite.
const DEEPEST: u32 = 100;

pub(super) fn parse(query: &str) -> Result<Expr, Error> {
    let words = lexer::words(query)?;
    unclosed(&words)?;
    let mut parser = Parser {
        words,
        next: 0,
        depth: 0,
    };
    if parser.peek() == &Word::End {
        return Err(Error::at(0, "no expression found in input"));
    }
    let expr = parser.expression(0)?;
    match parser.peek() {
        Word::End => Ok(expr),
        other => Err(Error::at(
            parser.at(),
            format!("unexpected {}", other.described()),
        )),
    }
}

/// Prometheus tells these before everything else.
fn unclosed(words: &[Placed]) -> Result<(), Error> {
    let mut open = Vec::new();
    for (at, word) in words {
        match word {
            Word::Symbol(symbol @ ("(" | "{" | "[")) => open.push(*symbol),
            Word::Symbol(symbol @ (")" | "}" | "]")) => {
                let wanted = match *symbol {
                    ")" => "(",
                    "}" => "{",
                    _ => "[",
                };
                if open.pop() != Some(wanted) {
                    let name = if *symbol == ")" {
                        "right parenthesis"
                    } else {
                        "character"
                    };
                    // Prometheus points behind it.
                    return Err(Error::at(*at + 1, format!("unexpected {name} '{symbol}'")));
                }
            }
            Word::End => {
                let name = match open.last() {
                    Some(&"(") => "unclosed left parenthesis",
                    Some(&"{") => "unexpected end of input inside braces",
                    Some(_) => "unclosed left bracket",
                    None => return Ok(()),
                };
                return Err(Error::at(*at, name));
            }
            _ => {}
        }
    }
    Ok(())
}

struct Parser {
    words: Vec<Placed>,
    next: usize,
    depth: u32,
}

impl Parser {
    fn peek(&self) -> &Word {
        &self.words[self.next].1
    }

    fn at(&self) -> usize {
        self.words[self.next].0
    }

    /// The word and on to the next; the end is never passed.
    fn take(&mut self) -> Placed {
        let word = self.words[self.next].clone();
        self.next = (self.next + 1).min(self.words.len() - 1);
        word
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Word::Symbol(next) if *next == symbol);
        if found {
            self.take();
        }
        found
    }

    fn take_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Word::Name(next) if next.eq_ignore_ascii_case(name));
        if found {
            self.take();
        }
        found
    }

    fn expect(&mut self, symbol: &'static str, context: &str) -> Result<(), Error> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        Err(Error::at(
            self.at(),
            format!(
                "unexpected {} in {context}, expected {symbol:?}",
                self.peek().described()
            ),
        ))
    }

    fn operator(&self) -> Option<Operator> {
        match self.peek() {
            Word::Symbol(symbol) => Operator::named(symbol),
            Word::Name(name) => Operator::named(&name.to_ascii_lowercase()),
            _ => None,
        }
    }

    /// Operators that bind at least this tightly.
    fn expression(&mut self, least: u8) -> Result<Expr, Error> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::at(
                self.at(),
                "the emulated Prometheus does not nest that deeply",
            ));
        }
        let start = self.at();
        let mut left = self.signed()?;
        while let Some(operator) = self.operator().filter(|operator| operator.precedence() >= least) {
            let (place, _) = self.take();
            let bool = self.take_name("bool");
            let matching = self.matching()?;
            // A power binds to the right, everything else to the left.
            let tighter = operator.precedence() + u8::from(operator != Operator::Power);
            let right_at = self.at();
            let right = self.expression(tighter)?;
            check_operands((place, operator), bool, (start, &left), (right_at, &right))?;
            left = Expr::Binary {
                operator,
                bool,
                matching,
                left: Box::new(left),
                right: Box::new(right),
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn matching(&mut self) -> Result<Option<Grouping>, Error> {
        let without = if self.take_name("on") {
            false
        } else if self.take_name("ignoring") {
            true
        } else {
            return Ok(None);
        };
        let labels = self.labels()?;
        if let Word::Name(name) = self.peek()
            && matches!(name.as_str(), "group_left" | "group_right")
        {
            return Err(Error::at(
                self.at(),
                format!("the emulated Prometheus does not know {name:?}"),
            ));
        }
        Ok(Some(Grouping { without, labels }))
    }

    fn signed(&mut self) -> Result<Expr, Error> {
        let at = self.at();
        let negative = match self.peek() {
            Word::Symbol("-") => true,
            Word::Symbol("+") => false,
            _ => return self.postfix(),
        };
        self.take();
        // `-2 ^ 2` is -4: a sign binds looser than a power, and tighter than a product.
        let of = self.expression(Operator::Power.precedence())?;
        if of.kind() == Kind::Range {
            let message = "unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\"";
            return Err(Error::at(at, message));
        }
        Ok(if negative { Expr::Negate(Box::new(of)) } else { of })
    }

    /// An operand with `[5m]` and `offset 1h` behind it.
    fn postfix(&mut self) -> Result<Expr, Error> {
        let start = self.at();
        let mut expr = self.operand()?;
        loop {
            let at = self.at();
            if self.take_symbol("[") {
                let (place, word) = self.take();
                let Word::Duration(ms) = word else {
                    return Err(Error::at(
                        place,
                        format!(
                            "unexpected {} in matrix selector, expected duration",
                            word.described()
                        ),
                    ));
                };
                if matches!(self.peek(), Word::Symbol(":")) {
                    return Err(Error::at(
                        self.at(),
                        "the emulated Prometheus does not know subqueries",
                    ));
                }
                self.expect("]", "matrix selector")?;
                match &mut expr {
                    Expr::Selector(selector) if selector.range_ms.is_none() && selector.offset_ms == 0 => {
                        selector.range_ms = Some(ms)
                    }
                    _ => return Err(Error::at(start, "ranges only allowed for vector selectors")),
                }
            } else if self.take_name("offset") {
                let negative = self.take_symbol("-");
                let (place, word) = self.take();
                let Word::Duration(ms) = word else {
                    return Err(Error::at(
                        place,
                        format!("unexpected {} in offset, expected duration", word.described()),
                    ));
                };
                match &mut expr {
                    Expr::Selector(selector) => selector.offset_ms = if negative { -ms } else { ms },
                    _ => {
                        return Err(Error::at(
                            start,
                            "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                        ));
                    }
                }
            } else if self.take_symbol("@") {
                return Err(Error::at(
                    at,
                    "the emulated Prometheus does not know the @ modifier",
                ));
            } else {
                return Ok(expr);
            }
        }
    }

    fn operand(&mut self) -> Result<Expr, Error> {
        let (at, word) = self.take();
        match word {
            Word::Number(number) => Ok(Expr::Number(number)),
            Word::Symbol("(") => {
                let inside = self.expression(0)?;
                self.expect(")", "parentheses")?;
                Ok(inside)
            }
            Word::Symbol("{") => self.selector(at, None),
            Word::Name(name) => {
                if let Some(operator) = Aggregation::named(&name.to_ascii_lowercase())
                    && self.begins_aggregation()
                {
                    return self.aggregate(operator);
                }
                if matches!(self.peek(), Word::Symbol("(")) {
                    return self.call(at, &name);
                }
                if self.take_symbol("{") {
                    return self.selector(at, Some(name));
                }
                let matchers = vec![Matcher {
                    label: "__name__".into(),
                    test: Test::Equal(name),
                }];
                Ok(Expr::Selector(Selector {
                    matchers,
                    range_ms: None,
                    offset_ms: 0,
                }))
            }
            Word::Text(_) => Err(Error::at(
                at,
                "the emulated Prometheus does not know string expressions",
            )),
            other => Err(Error::at(at, format!("unexpected {}", other.described()))),
        }
    }

    fn begins_aggregation(&self) -> bool {
        match self.peek() {
            Word::Symbol(symbol) => *symbol == "(",
            Word::Name(name) => matches!(name.to_ascii_lowercase().as_str(), "by" | "without"),
            _ => false,
        }
    }

    fn aggregate(&mut self, operator: Aggregation) -> Result<Expr, Error> {
        let before = self.grouping()?;
        self.expect("(", "aggregation")?;
        let at = self.at();
        let of = self.expression(0)?;
        if matches!(self.peek(), Word::Symbol(",")) {
            return Err(Error::at(
                at,
                "wrong number of arguments for aggregate expression provided, expected 1, got 2",
            ));
        }
        self.expect(")", "aggregation")?;
        expect_kind(at, &of, Kind::Vector, "aggregation expression")?;
        let grouping = match before {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or_default(),
        };
        Ok(Expr::Aggregate {
            operator,
            grouping,
            of: Box::new(of),
        })
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, Error> {
        let without = if self.take_name("by") {
            false
        } else if self.take_name("without") {
            true
        } else {
            return Ok(None);
        };
        Ok(Some(Grouping {
            without,
            labels: self.labels()?,
        }))
    }

    fn labels(&mut self) -> Result<Vec<String>, Error> {
        self.expect("(", "grouping opts")?;
        let mut labels = Vec::new();
        while !self.take_symbol(")") {
            match self.take() {
                (_, Word::Name(name)) => labels.push(name),
                (at, word) => {
                    return Err(Error::at(
                        at,
                        format!("unexpected {} in grouping opts, expected label", word.described()),
                    ));
                }
            }
            if !self.take_symbol(",") {
                self.expect(")", "grouping opts")?;
                break;
            }
        }
        Ok(labels)
    }

    fn call(&mut self, at: usize, name: &str) -> Result<Expr, Error> {
        let function = Function::named(name)
            .ok_or_else(|| Error::at(at, format!("unknown function with name {name:?}")))?;
        self.expect("(", "function call")?;
        let mut args = Vec::new();
        let mut places = Vec::new();
        while !self.take_symbol(")") {
            places.push(self.at());
            args.push(self.expression(0)?);
            if !self.take_symbol(",") {
                self.expect(")", "function call")?;
                break;
            }
        }
        let takes = function.takes();
        if args.len() != takes.len() {
            let (wanted, got) = (takes.len(), args.len());
            return Err(Error::at(
                at,
                format!("expected {wanted} argument(s) in call to {name:?}, got {got}"),
            ));
        }
        for ((arg, place), kind) in args.iter().zip(places).zip(takes) {
            expect_kind(place, arg, *kind, &format!("call to function {name:?}"))?;
        }
        Ok(Expr::Call { function, args })
    }

    /// The matchers; the opening brace is taken already.
    fn selector(&mut self, start: usize, name: Option<String>) -> Result<Expr, Error> {
        let named = name.is_some();
        let mut matchers: Vec<_> = name
            .into_iter()
            .map(|name| Matcher {
                label: "__name__".into(),
                test: Test::Equal(name),
            })
            .collect();
        while !self.take_symbol("}") {
            let (at, word) = self.take();
            let Word::Name(label) = word else {
                return Err(Error::at(
                    at,
                    format!(
                        "unexpected {} in label matching, expected identifier or \"}}\"",
                        word.described()
                    ),
                ));
            };
            let (at, symbol) = self.take();
            let (value_at, value) = self.take();
            let Word::Text(value) = value else {
                return Err(Error::at(
                    value_at,
                    format!(
                        "unexpected {} in label matching, expected string",
                        value.described()
                    ),
                ));
            };
            let regex = || {
                Regex::new(&format!("^(?:{value})$"))
                    .map_err(|_| Error::at(value_at, format!("error parsing regexp: `{value}`")))
            };
            let test = match symbol {
                Word::Symbol("=") => Test::Equal(value),
                Word::Symbol("!=") => Test::NotEqual(value),
                Word::Symbol("=~") => Test::Match(regex()?),
                Word::Symbol("!~") => Test::NotMatch(regex()?),
                other => {
                    return Err(Error::at(
                        at,
                        format!(
                            "unexpected {} in label matching, expected label matching operator",
                            other.described()
                        ),
                    ));
                }
            };
            matchers.push(Matcher { label, test });
            if !self.take_symbol(",") {
                self.expect("}", "label matching")?;
                break;
            }
        }
        if !named && matchers.iter().all(|matcher| matcher.matches("")) {
            return Err(Error::at(
                start,
                "vector selector must contain at least one non-empty matcher",
            ));
        }
        Ok(Expr::Selector(Selector {
            matchers,
            range_ms: None,
            offset_ms: 0,
        }))
    }
}

fn expect_kind(at: usize, expr: &Expr, wanted: Kind, context: &str) -> Result<(), Error> {
    let got = expr.kind();
    if got == wanted {
        return Ok(());
    }
    Err(Error::at(
        at,
        format!("expected type {} in {context}, got {}", wanted.name(), got.name()),
    ))
}

fn check_operands(
    (place, operator): (usize, Operator),
    bool: bool,
    left: (usize, &Expr),
    right: (usize, &Expr),
) -> Result<(), Error> {
    for (at, expr) in [left, right] {
        if expr.kind() == Kind::Range {
            return Err(Error::at(
                at,
                "binary expression must contain only scalar and instant vector types",
            ));
        }
    }
    let scalars = [left, right]
        .iter()
        .filter(|(_, expr)| expr.kind() == Kind::Scalar)
        .count();
    if bool && !operator.compares() {
        return Err(Error::at(
            place,
            "bool modifier can only be used on comparison operators",
        ));
    }
    if operator.compares() && scalars == 2 && !bool {
        return Err(Error::at(
            place,
            "comparisons between scalars must use BOOL modifier",
        ));
    }
    if operator.is_set() && scalars > 0 {
        return Err(Error::at(
            place,
            "set operator not allowed in binary scalar expression",
        ));
    }
    Ok(())
}
