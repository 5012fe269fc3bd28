//! CQL2 text becomes tokens, so that limits hold before the parser's recursion begins.

use super::error::{FilterError, quoted};

/// The longest text that is read, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare name or keyword.
    Word,
    /// A name in double quotes.
    Name,
    /// A text in single quotes.
    Text,
    /// A number without its sign.
    Number,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// A comparison or arithmetic operator of symbols.
    Symbol,
}

/// A piece of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// As written, quotes included.
    pub(super) text: &'a str,
    /// Byte at which it starts.
    pub(super) at: usize,
}

impl Token<'_> {
    /// True for a bare word that reads like this in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }
}

/// Cuts a text into tokens.
///
/// # Errors
/// When the text is too long, or has a character or an open quote that CQL2 has no place for.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, FilterError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(FilterError::TooLong { length: text.len(), limit: MAX_TEXT_BYTES });
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let rest = &text[at..];
        let (kind, length) = one(rest, first).ok_or_else(|| refusal(text, at, expected(first)))?;
        found.push(Token { kind, text: &rest[..length], at });
        at += length;
    }
    Ok(found)
}

/// An error at a byte of the text.
pub(super) fn refusal(text: &str, at: usize, expected: &'static str) -> FilterError {
    let position = text.get(..at).unwrap_or(text).chars().count() + 1;
    let near = text.get(at..).map(str::trim_end).filter(|rest| !rest.is_empty());
    FilterError::Syntax { position, near: near.map_or_else(|| "the end".to_owned(), quoted), expected }
}

fn expected(first: char) -> &'static str {
    match first {
        '\'' => "a closing ' (a ' inside a text is written twice)",
        '"' => "a closing \" and no control characters in a name",
        c if c.is_ascii_digit() => "a number such as 1, 1.5 or 1e-5",
        _ => {
            "a name (in double quotes when it holds other characters), a text in single quotes, or an operator"
        }
    }
}

/// The kind and the bytes of the token that `rest` starts with.
fn one(rest: &str, first: char) -> Option<(Kind, usize)> {
    let second = rest[first.len_utf8()..].chars().next();
    match (first, second) {
        ('(', _) => Some((Kind::Open, 1)),
        (')', _) => Some((Kind::Close, 1)),
        (',', _) => Some((Kind::Comma, 1)),
        ('<', Some('=' | '>')) | ('>' | '!', Some('=')) => Some((Kind::Symbol, 2)),
        ('=' | '<' | '>' | '+' | '-' | '*' | '/' | '%' | '^', _) => Some((Kind::Symbol, 1)),
        ('\'', _) => text_length(rest).map(|length| (Kind::Text, length)),
        ('"', _) => name_length(rest).map(|length| (Kind::Name, length)),
        ('.', Some('0'..='9')) | ('0'..='9', _) => number_length(rest).map(|length| (Kind::Number, length)),
        (c, _) if is_name_start(c) => {
            let end = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
            Some((Kind::Word, end))
        }
        _ => None,
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':'
}

fn is_name_part(c: char) -> bool {
    is_name_start(c) || c.is_numeric() || c == '.'
}

/// CQL2 writes a quote inside a text as `''` or `\'`.
fn text_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'\'' | b'\\', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn name_length(rest: &str) -> Option<usize> {
    let mut inside = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        match c {
            '"' if inside.peek().is_some_and(|(_, next)| *next == '"') => {
                inside.next();
            }
            '"' => return (at > 1).then_some(at + 1),
            c if c.is_control() => return None,
            _ => {}
        }
    }
    None
}

fn number_length(rest: &str) -> Option<usize> {
    let digits = |from: usize| {
        rest[from..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |length| from + length)
    };
    let mut end = digits(0);
    if rest[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent == end + 1 + sign {
            return None;
        }
        end = exponent;
    }
    let finite = rest[..end].parse::<f64>().is_ok_and(f64::is_finite);
    let ends = !rest[end..].starts_with(is_name_part);
    (finite && ends).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        tokens(text).expect("tokens").iter().map(|token| token.text).collect()
    }

    #[test]
    fn names_numbers_texts_and_symbols_are_told_apart() {
        assert_eq!(
            cut(r#"eo:cloud_cover<=.5 AND "a ""b"""<>'it''s' or _x!=-1.5e-3"#),
            [
                "eo:cloud_cover",
                "<=",
                ".5",
                "AND",
                r#""a ""b""""#,
                "<>",
                "'it''s'",
                "or",
                "_x",
                "!=",
                "-",
                "1.5e-3"
            ]
        );
    }

    #[test]
    fn a_backslash_before_a_quote_keeps_the_text_open() {
        assert_eq!(cut(r"'it\'s'='a'"), [r"'it\'s'", "=", "'a'"]);
    }

    #[test]
    fn what_has_no_place_is_named_with_its_position() {
        for (text, at) in [("a = 'open", 5), ("é = ;", 5), ("a = 1e999", 5), ("a = 1x", 5), ("\"\" = 1", 1)]
        {
            match tokens(text) {
                Err(FilterError::Syntax { position, .. }) => assert_eq!(position, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_long_text_is_refused_before_it_is_read() {
        let text = "a".repeat(MAX_TEXT_BYTES + 1);
        assert!(matches!(tokens(&text), Err(FilterError::TooLong { .. })));
    }
}
