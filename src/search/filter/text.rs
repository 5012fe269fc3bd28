//! CQL2 text becomes CQL2 JSON.
//!
//! The crate `cql2` parses. What it is given is the same filter in a form that it reads in bounded time and stack,
//! whatever the client wrote: names in double quotes, brackets and chains of AND and OR as calls of functions, literal
//! shapes as numbers into a list. Its grammar tries a bracket twice, as a group and as an array, so that nested
//! brackets with a mistake inside would cost 2ⁿ; and its left-leaning chains would recurse once a term.

use pest::error::InputLocation;
use serde_json::Value;

use super::error::FilterError;
use super::token::{Kind, Token, refusal, tokens};
use super::wkt;

/// Deepest nesting of brackets, NOTs, signs and chained arithmetic together.
pub(super) const MAX_TEXT_DEPTH: usize = 64;

/// Stands for a bracket with one expression inside. No client's name holds a control character.
pub(super) const GROUP: &str = "\u{1}group";
/// Stands for a bracket that is an array.
pub(super) const ARRAY: &str = "\u{1}array";
/// Stands for a literal shape; its argument is the number in [`Parsed::shapes`].
pub(super) const SHAPE: &str = "\u{1}shape";

/// A filter as CQL2 JSON, with marks for brackets and shapes.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) json: Value,
    /// `GeoJSON` of the literal shapes.
    pub(super) shapes: Vec<Value>,
}

/// A piece of what the parser gets, and the byte of the client's text that it comes from.
type Fragment = (String, usize);

/// Reads CQL2 text.
///
/// # Errors
/// Says where the text is no CQL2, or which limit it breaks.
pub(super) fn parse(text: &str) -> Result<Parsed, FilterError> {
    let tokens = tokens(text)?;
    let mut writer = Writer { text, tokens: &tokens, next: 0, depth: 0, shapes: Vec::new() };
    let fragments = writer.expression()?;
    if writer.next < tokens.len() {
        return Err(writer.unexpected("AND, OR or the end"));
    }
    let mut source = String::with_capacity(text.len() * 2);
    let mut places = Vec::with_capacity(fragments.len());
    for (fragment, at) in &fragments {
        places.push((source.len(), *at));
        source.push_str(fragment);
        source.push(' ');
    }
    let expression = cql2::parse_text(&source).map_err(|error| {
        let end = match &error {
            cql2::Error::Pest(error) => match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            },
            _ => 0,
        };
        let place = places.iter().rev().find(|(start, _)| *start <= end);
        let at = if end + 1 >= source.len() { text.len() } else { place.map_or(0, |(_, at)| *at) };
        refusal(text, at, "an expression such as eo:cloud_cover < 10 AND platform = 'sentinel-2a'")
    })?;
    let json = expression
        .to_value()
        .map_err(|_unwritable| refusal(text, 0, "an expression that can be written as cql2-json"))?;
    Ok(Parsed { json, shapes: writer.shapes })
}

struct Writer<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    next: usize,
    depth: usize,
    shapes: Vec<Value>,
}

impl Writer<'_> {
    fn unexpected(&self, expected: &'static str) -> FilterError {
        let at = self.tokens.get(self.next).map_or(self.text.len(), |token| token.at);
        refusal(self.text, at, expected)
    }

    fn deeper(&mut self) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > MAX_TEXT_DEPTH {
            return Err(FilterError::TooDeep { limit: MAX_TEXT_DEPTH });
        }
        Ok(())
    }

    /// Everything up to a comma, a closing bracket or the end: conditions with OR and AND between them.
    fn expression(&mut self) -> Result<Vec<Fragment>, FilterError> {
        let at = self.tokens.get(self.next).map_or(self.text.len(), |token| token.at);
        let mut any = Vec::new();
        let mut all = vec![self.condition()?];
        while let Some(token) = self.tokens.get(self.next) {
            if token.is_word("or") {
                any.push(call("and", std::mem::take(&mut all), at));
            } else if !token.is_word("and") {
                break;
            }
            self.next += 1;
            all.push(self.condition()?);
        }
        any.push(call("and", all, at));
        Ok(call("or", any, at))
    }

    /// One condition or value, with the AND of its BETWEEN inside.
    fn condition(&mut self) -> Result<Vec<Fragment>, FilterError> {
        let depth = self.depth;
        let mut written = Vec::new();
        let mut comparisons = 0;
        let mut open_between = false;
        while let Some(token) = self.tokens.get(self.next).copied() {
            let at = token.at;
            match token.kind {
                Kind::Close | Kind::Comma => break,
                Kind::Symbol => {
                    self.next += 1;
                    if matches!(token.text, "=" | "<" | ">" | "<=" | ">=" | "<>" | "!=") {
                        comparisons += 1;
                    } else {
                        self.deeper()?;
                    }
                    written.extend(self.symbol(token));
                }
                Kind::Word if token.is_word("and") && open_between => {
                    open_between = false;
                    self.next += 1;
                    written.push(("and".to_owned(), at));
                }
                Kind::Word if token.is_word("and") || token.is_word("or") => break,
                Kind::Word if is_keyword(&token) => {
                    self.next += 1;
                    let word = token.text.to_ascii_lowercase();
                    match word.as_str() {
                        "not" | "div" => self.deeper()?,
                        "between" => {
                            open_between = true;
                            comparisons += 1;
                        }
                        "like" | "in" => comparisons += 1,
                        _ => {}
                    }
                    let is_list = word == "in";
                    written.push((word, at));
                    if is_list {
                        written.extend(self.list()?);
                    }
                }
                _ => written.extend(self.value(token)?),
            }
            if comparisons > 1 {
                self.next -= 1;
                return Err(
                    self.unexpected("AND or OR before the next comparison, or brackets around the first")
                );
            }
        }
        if written.is_empty() || open_between {
            return Err(self.unexpected("a condition or a value"));
        }
        self.depth = depth;
        Ok(written)
    }

    /// What the parser gets for the symbol just read. A sign belongs to its number, or the parser would not read it
    /// after NOT.
    fn symbol(&mut self, token: Token<'_>) -> Option<Fragment> {
        let is_sign = matches!(token.text, "+" | "-") && self.is_prefix();
        let number = self.tokens.get(self.next).filter(|next| is_sign && next.kind == Kind::Number);
        let after_not = self.next > 1 && self.tokens.get(self.next - 2).is_some_and(|t| t.is_word("not"));
        match (token.text, number) {
            ("-", Some(number)) => {
                self.next += 1;
                Some((format!("-0{}", number.text), token.at))
            }
            ("-", None) if is_sign && after_not => Some(("-1 *".to_owned(), token.at)),
            ("+", _) if is_sign => None,
            _ => Some((token.text.to_owned(), token.at)),
        }
    }

    /// True when the symbol just read has no value before it.
    fn is_prefix(&self) -> bool {
        let before = self.next.checked_sub(2).and_then(|at| self.tokens.get(at));
        before.is_none_or(|token| match token.kind {
            Kind::Open | Kind::Comma | Kind::Symbol => true,
            Kind::Word => is_keyword(token) || token.is_word("and") || token.is_word("or"),
            _ => false,
        })
    }

    /// What follows IN.
    fn list(&mut self) -> Result<Vec<Fragment>, FilterError> {
        match self.tokens.get(self.next) {
            Some(token) if token.kind == Kind::Open => {
                let at = token.at;
                let members = self.members()?;
                if members.is_empty() {
                    return Err(FilterError::EmptyList);
                }
                Ok(function(ARRAY, members, at))
            }
            _ => Err(self.unexpected("a list in brackets after IN")),
        }
    }

    /// A name, a literal, a call or a bracket.
    fn value(&mut self, token: Token<'_>) -> Result<Vec<Fragment>, FilterError> {
        let at = token.at;
        let rest = self.tokens.get(self.next..).unwrap_or_default();
        if wkt::starts(rest) {
            let (shape, length) = wkt::read(self.text, rest)?;
            self.next += length;
            self.shapes.push(shape);
            return Ok(vec![(format!("\"{SHAPE}\"({})", self.shapes.len() - 1), at)]);
        }
        if token.kind == Kind::Open {
            let members = self.members()?;
            let name = if members.len() == 1 { GROUP } else { ARRAY };
            return Ok(function(name, members, at));
        }
        self.next += 1;
        let written = match token.kind {
            Kind::Text => {
                let inside = token.text.get(1..token.text.len() - 1).unwrap_or_default();
                let plain = inside.replace("\\'", "'").replace("''", "'");
                vec![(format!("'{}'", plain.replace('\'', "''")), at)]
            }
            Kind::Word => vec![(format!("\"{}\"", token.text), at)],
            // A leading point gets its zero.
            Kind::Number => vec![(format!("0{}", token.text), at)],
            _ => vec![(token.text.to_owned(), at)],
        };
        let is_name = matches!(token.kind, Kind::Word | Kind::Name);
        if is_name && self.tokens.get(self.next).is_some_and(|next| next.kind == Kind::Open) {
            let members = self.members()?;
            let name = written.into_iter().next().map(|(name, _)| name).unwrap_or_default();
            return Ok(joined(name, members, at));
        }
        Ok(written)
    }

    /// The expressions inside a pair of brackets.
    fn members(&mut self) -> Result<Vec<Vec<Fragment>>, FilterError> {
        let depth = self.depth;
        self.deeper()?;
        self.next += 1;
        let mut members = Vec::new();
        let is_close = |token: Option<&Token<'_>>| token.is_some_and(|token| token.kind == Kind::Close);
        if !is_close(self.tokens.get(self.next)) {
            members.push(self.expression()?);
            while self.tokens.get(self.next).is_some_and(|token| token.kind == Kind::Comma) {
                self.next += 1;
                members.push(self.expression()?);
            }
        }
        if !is_close(self.tokens.get(self.next)) {
            return Err(self.unexpected("a closing bracket"));
        }
        self.next += 1;
        self.depth = depth;
        Ok(members)
    }
}

fn is_keyword(token: &Token<'_>) -> bool {
    ["true", "false", "null", "is", "not", "in", "like", "between", "div"]
        .iter()
        .any(|word| token.is_word(word))
}

/// One member as it is, more as a call.
fn call(name: &str, mut members: Vec<Vec<Fragment>>, at: usize) -> Vec<Fragment> {
    if members.len() == 1 { members.swap_remove(0) } else { function(name, members, at) }
}

fn function(name: &str, members: Vec<Vec<Fragment>>, at: usize) -> Vec<Fragment> {
    joined(format!("\"{name}\""), members, at)
}

fn joined(name: String, members: Vec<Vec<Fragment>>, at: usize) -> Vec<Fragment> {
    let mut written = vec![(name + "(", at)];
    for (number, member) in members.into_iter().enumerate() {
        if number > 0 {
            written.push((",".to_owned(), at));
        }
        written.extend(member);
    }
    written.push((")".to_owned(), at));
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn signs_are_read_wherever_values_are() {
        for (text, wanted) in [
            (
                "NOT -a = -1",
                json!({"op": "not", "args": [{"op": "=", "args":
                [{"op": "*", "args": [-1.0, {"property": "a"}]}, -1.0]}]}),
            ),
            ("a = 2 - -1", json!({"op": "=", "args": [{"property": "a"}, {"op": "-", "args": [2.0, -1.0]}]})),
            ("a = +1", json!({"op": "=", "args": [{"property": "a"}, 1.0]})),
            ("a-1 = 2", json!({"op": "=", "args": [{"op": "-", "args": [{"property": "a"}, 1.0]}, 2.0]})),
        ] {
            assert_eq!(parse(text).expect(text).json, wanted, "{text}");
        }
    }

    #[test]
    fn chains_become_flat() {
        let parsed = parse("a AND b OR c AND d BETWEEN 1 AND 2 AND e").expect("a filter");
        assert_eq!(parsed.json["op"], "or");
        assert_eq!(parsed.json["args"][0]["args"].as_array().map(Vec::len), Some(2));
        assert_eq!(parsed.json["args"][1]["args"].as_array().map(Vec::len), Some(3));
    }
}
