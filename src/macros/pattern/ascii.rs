//! `\w`, `\d`, `\s` and `\b` mean ASCII. Commands are ASCII, and the Unicode classes would cost the router tens of
//! megabytes. Who means all letters of the world writes `\p{Alphabetic}`, and free text is `.+` as ever.

use regex_syntax::ast::{self, Assertion, AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSetItem, Span};

/// The pattern with its classes and word boundaries put as ASCII. Everything else stays as it is written.
pub(super) fn rewrite(source: &str, tree: &Ast) -> String {
    let mut edits = match ast::visit(tree, Finder(source, Vec::new())) {
        Ok(edits) => edits,
        Err(never) => match never {},
    };
    edits.sort_by_key(|(span, _)| span.start.offset);
    let mut rewritten = String::with_capacity(source.len() + edits.len() * 12);
    let mut at = 0;
    for (span, text) in edits {
        rewritten.push_str(&source[at..span.start.offset]);
        rewritten.push_str(&text);
        at = span.end.offset;
    }
    rewritten.push_str(&source[at..]);
    rewritten
}

/// Finds what must change, and to what.
struct Finder<'a>(&'a str, Vec<(Span, String)>);

impl ast::Visitor for Finder<'_> {
    type Output = Vec<(Span, String)>;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<Self::Output, Self::Err> {
        Ok(self.1)
    }

    fn visit_pre(&mut self, node: &Ast) -> Result<(), Self::Err> {
        match node {
            Ast::ClassPerl(found) => self.1.push((found.span, class(found).into())),
            Ast::Assertion(found) if is_word_boundary(found) => {
                let written = &self.0[found.span.start.offset..found.span.end.offset];
                self.1.push((found.span, format!("(?-u:{written})")));
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Self::Err> {
        if let ClassSetItem::Perl(found) = item {
            self.1.push((found.span, class(found).into()));
        }
        Ok(())
    }
}

/// The class in brackets of its own, which stand inside of other brackets as well.
fn class(class: &ClassPerl) -> &'static str {
    match (&class.kind, class.negated) {
        (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
        (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        (ClassPerlKind::Digit, false) => "[0-9]",
        (ClassPerlKind::Digit, true) => "[^0-9]",
        // The blank is spelled, because `(?x)` would leave it out.
        (ClassPerlKind::Space, false) => r"[\t\n\x0B\x0C\r\x20]",
        (ClassPerlKind::Space, true) => r"[^\t\n\x0B\x0C\r\x20]",
    }
}

fn is_word_boundary(assertion: &Assertion) -> bool {
    match assertion.kind {
        AssertionKind::StartLine
        | AssertionKind::EndLine
        | AssertionKind::StartText
        | AssertionKind::EndText => false,
        AssertionKind::WordBoundary
        | AssertionKind::NotWordBoundary
        | AssertionKind::WordBoundaryStart
        | AssertionKind::WordBoundaryEnd
        | AssertionKind::WordBoundaryStartAngle
        | AssertionKind::WordBoundaryEndAngle
        | AssertionKind::WordBoundaryStartHalf
        | AssertionKind::WordBoundaryEndHalf => true,
    }
}
