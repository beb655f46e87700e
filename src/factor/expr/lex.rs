//! Characters to tokens, each with its place in the text.
//!
//! Knows numbers, `$fields`, `$$fields` of periods, names, quoted texts, brackets, commas and the operator signs;
//! anything else is an error that says where it stands. Never allocates more than the text's length in tokens.

use std::ops::Range;

use super::ExprError;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A number without a sign.
    Number(f64),
    /// A field, without the `$`.
    Field(String),
    /// A point-in-time field, without the `$$`.
    Period(String),
    /// A quoted text, without its quotes.
    Text(String),
    /// An operator's name.
    Name(String),
    /// An infix or prefix sign.
    Sign(&'static str),
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
}

impl Token {
    /// How it is called in an error.
    pub fn describe(&self) -> String {
        match self {
            Token::Number(n) => format!("the number {n}"),
            Token::Field(f) => format!("the field ${f}"),
            Token::Period(f) => format!("the field $${f}"),
            Token::Text(t) => format!("the text '{t}'"),
            Token::Name(n) => format!("the name {n}"),
            Token::Sign(s) => format!("'{s}'"),
            Token::Open => "'('".into(),
            Token::Close => "')'".into(),
            Token::Comma => "','".into(),
        }
    }
}

/// Signs, longer ones first.
const SIGNS: [&str; 13] = ["**", ">=", "<=", "==", "!=", "+", "-", "*", "/", ">", "<", "&", "|"];

/// Splits a text into tokens with their byte ranges.
pub fn lex(text: &str) -> Result<Vec<(Token, Range<usize>)>, ExprError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = next_token(rest, first, at)?;
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

fn next_token(rest: &str, first: char, at: usize) -> Result<(Token, usize), ExprError> {
    match first {
        '(' => return Ok((Token::Open, 1)),
        ')' => return Ok((Token::Close, 1)),
        ',' => return Ok((Token::Comma, 1)),
        '$' => return field(rest, at),
        '\'' | '"' => return quoted(rest, first, at),
        _ => {}
    }
    if first.is_ascii_digit() || first == '.' {
        return number(rest, at);
    }
    let name = word(rest);
    if !name.is_empty() {
        return Ok((Token::Name(name.to_owned()), name.len()));
    }
    if let Some(sign) = SIGNS.into_iter().find(|s| rest.starts_with(s)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let place = at..at + first.len_utf8();
    Err(ExprError::new(place, &format!("'{}' has no meaning here", first.escape_default())))
}

fn field(rest: &str, at: usize) -> Result<(Token, usize), ExprError> {
    let signs = if rest.starts_with("$$") { 2 } else { 1 };
    let name = word(rest.get(signs..).unwrap_or(""));
    match (signs, name.is_empty()) {
        (1, false) => Ok((Token::Field(name.to_owned()), signs + name.len())),
        (_, false) => Ok((Token::Period(name.to_owned()), signs + name.len())),
        (1, true) => Err(ExprError::new(at..at + signs, "a field name must follow '$', such as $close")),
        (_, true) => Err(ExprError::new(at..at + signs, "a field name must follow '$$', such as $$eps")),
    }
}

fn quoted(rest: &str, quote: char, at: usize) -> Result<(Token, usize), ExprError> {
    let inside = rest.get(1..).unwrap_or("");
    match inside.find(quote) {
        Some(end) => Ok((Token::Text(inside.get(..end).unwrap_or("").to_owned()), end + 2)),
        None => Err(ExprError::new(at..at + 1, "this quote is never closed")),
    }
}

fn word(rest: &str) -> &str {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    rest.get(..end).unwrap_or("")
}

/// `digits[.digits][e[+-]digits]`, as Python reads it.
fn number(rest: &str, at: usize) -> Result<(Token, usize), ExprError> {
    let digits =
        |from: usize| rest.get(from..).map_or(0, |r| r.bytes().take_while(u8::is_ascii_digit).count());
    let mut end = digits(0);
    if rest.get(end..).is_some_and(|r| r.starts_with('.')) {
        end += 1 + digits(end + 1);
    }
    if rest.get(end..).is_some_and(|r| r.starts_with(['e', 'E'])) {
        let signed = usize::from(rest.get(end + 1..).is_some_and(|r| r.starts_with(['+', '-'])));
        let exponent = digits(end + 1 + signed);
        if exponent > 0 {
            end += 1 + signed + exponent;
        }
    }
    let text = rest.get(..end).unwrap_or("");
    let glued = rest
        .get(end..)
        .is_some_and(|r| r.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && !glued => Ok((Token::Number(value), end)),
        _ => {
            Err(ExprError::new(at..at + end.max(1), "this is no number that can be read, such as 5 or 1e-12"))
        }
    }
}
