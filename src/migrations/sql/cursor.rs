//! Purpose: walking over the words of one statement.

use super::{
    lex::{Token, TokenKind, lex},
    name::Name,
};

/// The words of a statement, comments left out.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Over a statement that was split off before, so that it can be cut into tokens.
    pub(crate) fn new(text: &'a str) -> Self {
        let mut tokens = lex(text).unwrap_or_default();
        tokens.retain(|token| token.kind != TokenKind::Comment);
        Self { text, tokens, at: 0 }
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    /// The word or sign so far ahead, in small letters; empty for anything in quotes, and at the end.
    pub(crate) fn peek(&self, ahead: usize) -> String {
        match self.token(ahead) {
            Some(token) if matches!(token.kind, TokenKind::Word | TokenKind::Sign | TokenKind::Number) => {
                self.text[token.start..token.end].to_lowercase()
            }
            _ => String::new(),
        }
    }

    /// The kind of the token so far ahead.
    pub(crate) fn kind(&self, ahead: usize) -> Option<TokenKind> {
        self.token(ahead).map(|token| token.kind)
    }

    /// The text of the token so far ahead, as it is written.
    pub(crate) fn raw(&self, ahead: usize) -> &'a str {
        self.token(ahead)
            .map_or("", |token| &self.text[token.start..token.end])
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Where the next token begins, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.token(0).map_or(self.text.len(), |token| token.start)
    }

    pub(crate) fn skip(&mut self) {
        self.at += 1;
    }

    /// Whether these words come next.
    pub(crate) fn sees(&self, words: &str) -> bool {
        words
            .split(' ')
            .enumerate()
            .all(|(ahead, word)| self.peek(ahead) == word)
    }

    /// Passes these words if they come next.
    pub(crate) fn eat(&mut self, words: &str) -> bool {
        let found = self.sees(words);
        if found {
            self.at += words.split(' ').count();
        }
        found
    }

    /// An identifier.
    pub(crate) fn ident(&mut self) -> Option<String> {
        let token = *self.token(0)?;
        let text = &self.text[token.start..token.end];
        let name = match token.kind {
            TokenKind::Word => text.to_lowercase(),
            TokenKind::Quoted => {
                let inner = text.find('"').map_or(text, |quote| &text[quote..]);
                inner.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\"")
            }
            _ => return None,
        };
        self.skip();
        Some(name)
    }

    /// A name, perhaps with a schema (and a database, which is left out).
    pub(crate) fn name(&mut self) -> Option<Name> {
        let mut parts = vec![self.ident()?];
        while self.peek(0) == "." {
            self.skip();
            parts.push(self.ident()?);
        }
        let name = parts.pop()?;
        Some(Name {
            schema: parts.pop(),
            name,
        })
    }

    /// A table as ALTER TABLE, UPDATE and others name it: `[IF EXISTS] [ONLY] name [*]`.
    pub(crate) fn relation(&mut self) -> Option<Name> {
        self.eat("if exists");
        self.eat("if not exists");
        let parens = self.eat("only") && self.eat("(");
        let name = self.name();
        if parens {
            self.eat(")");
        }
        self.eat("*");
        name
    }

    /// Names with commas between.
    pub(crate) fn relations(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.relation() {
            names.push(name);
            if !self.eat(",") {
                break;
            }
        }
        names
    }

    /// Passes over everything up to the comma at this level, and over it; gives what was passed as a cursor of its own.
    pub(crate) fn part(&mut self) -> Cursor<'a> {
        let from = self.at;
        let mut depth = 0_usize;
        while !self.is_done() {
            match self.peek(0).as_str() {
                "(" | "[" => depth += 1,
                ")" | "]" => {
                    if depth == 0 {
                        break;
                    }
                    depth -= 1;
                }
                "," if depth == 0 => break,
                _ => {}
            }
            self.skip();
        }
        let part = Cursor {
            text: self.text,
            tokens: self.tokens.get(from..self.at).unwrap_or_default().to_vec(),
            at: 0,
        };
        self.eat(",");
        part
    }

    /// Passes over `( … )` and gives what is inside.
    pub(crate) fn parens(&mut self) -> Option<Cursor<'a>> {
        if self.peek(0) != "(" {
            return None;
        }
        self.skip();
        let from = self.at;
        let mut depth = 1_usize;
        while !self.is_done() {
            match self.peek(0).as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            self.skip();
        }
        let inside = Cursor {
            text: self.text,
            tokens: self.tokens.get(from..self.at).unwrap_or_default().to_vec(),
            at: 0,
        };
        self.skip();
        Some(inside)
    }

    /// Passes over everything up to these words outside of parentheses; whether they were found. They come next then.
    pub(crate) fn seek(&mut self, words: &str) -> bool {
        let mut depth = 0_usize;
        while !self.is_done() {
            if depth == 0 && self.sees(words) {
                return true;
            }
            match self.peek(0).as_str() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.skip();
        }
        false
    }

    /// Whether these words come anywhere from here on, at any depth.
    pub(crate) fn has(&self, words: &str) -> bool {
        let mut cursor = self.clone();
        while !cursor.is_done() {
            if cursor.sees(words) {
                return true;
            }
            cursor.skip();
        }
        false
    }

    /// The functions that are called from here on: a name right before a parenthesis that is no key word.
    pub(crate) fn calls(&self) -> Vec<Name> {
        let mut cursor = self.clone();
        let mut calls = Vec::new();
        while !cursor.is_done() {
            let mut ahead = cursor.clone();
            match ahead.name() {
                Some(name) if ahead.peek(0) == "(" => {
                    calls.push(name);
                    cursor = ahead;
                }
                Some(_) => cursor = ahead,
                None => cursor.skip(),
            }
        }
        calls
    }
}

impl Cursor<'_> {
    /// What is left, as it is written.
    pub(crate) fn text(&self) -> String {
        let (Some(first), Some(last)) = (self.token(0), self.tokens.last()) else {
            return String::new();
        };
        self.text
            .get(first.start..last.end)
            .unwrap_or_default()
            .to_owned()
    }

    /// Ends where another cursor over the same words stands.
    pub(crate) fn until(&mut self, other: &Self) {
        self.tokens.truncate(other.at);
    }
}
