//! A WKT literal becomes a GeoJSON geometry, so that shapes of both encodings pass the same checks.

use serde_json::{Value, json};

use super::error::FilterError;
use super::token::{Kind, Token, refusal};

/// WKT's names, GeoJSON's, and how many brackets lie around one position's list.
const SHAPES: [(&str, &str, usize); 6] = [
    ("POINT", "Point", 0),
    ("MULTIPOINT", "MultiPoint", 1),
    ("LINESTRING", "LineString", 1),
    ("MULTILINESTRING", "MultiLineString", 2),
    ("POLYGON", "Polygon", 2),
    ("MULTIPOLYGON", "MultiPolygon", 3),
];
const COLLECTION: &str = "GEOMETRYCOLLECTION";

/// Collections inside collections that are read.
const MAX_COLLECTIONS: usize = 8;

/// True when a literal shape starts at the token: its name, with or without `Z`, `M` or `ZM`, and a bracket or `EMPTY`.
pub(super) fn starts(tokens: &[Token<'_>]) -> bool {
    let [name, after, ..] = tokens else { return false };
    let Some((_, marked)) = name_of(name) else { return false };
    let after = if !marked && is_marker(after) { tokens.get(2) } else { Some(after) };
    after.is_some_and(|token| token.kind == Kind::Open || token.is_word("EMPTY"))
}

fn is_marker(token: &Token<'_>) -> bool {
    ["Z", "M", "ZM"].iter().any(|marker| token.is_word(marker))
}

/// The name without a marker that is written onto it (`POINTZ`), and whether there was one.
fn name_of<'a>(token: &Token<'a>) -> Option<(&'a str, bool)> {
    let known = |name: &str| {
        name.eq_ignore_ascii_case(COLLECTION)
            || SHAPES.iter().any(|(wkt, _, _)| wkt.eq_ignore_ascii_case(name))
    };
    if token.kind != Kind::Word {
        return None;
    }
    if known(token.text) {
        return Some((token.text, false));
    }
    let bare = token.text.strip_suffix(['m', 'M']).unwrap_or(token.text);
    let bare = bare.strip_suffix(['z', 'Z']).unwrap_or(bare);
    known(bare).then_some((bare, true))
}

/// Reads one literal shape; gives it as GeoJSON with the number of tokens that it took. Heights and measures are left
/// out.
///
/// # Errors
/// Says where the text stops being WKT.
pub(super) fn read(text: &str, tokens: &[Token<'_>]) -> Result<(Value, usize), FilterError> {
    let mut reader = Reader { text, tokens, next: 0 };
    let shape = reader.shape(0)?;
    Ok((shape, reader.next))
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    next: usize,
}

impl Reader<'_> {
    fn shape(&mut self, depth: usize) -> Result<Value, FilterError> {
        let name = self.tokens.get(self.next).and_then(name_of);
        let Some((name, _)) = name else {
            return Err(self.unexpected("a geometry such as POINT(24.1 60.2)"));
        };
        self.next += 1;
        if self.tokens.get(self.next).is_some_and(is_marker) {
            self.next += 1;
        }
        let empty = self.tokens.get(self.next).is_some_and(|token| token.is_word("EMPTY"));
        if empty {
            return Err(self.unexpected("a geometry with positions"));
        }
        for (wkt, kind, brackets) in SHAPES {
            if wkt.eq_ignore_ascii_case(name) {
                let coordinates = match brackets {
                    0 => self.bracketed(Self::position)?,
                    _ if kind == "MultiPoint" => self.list(&mut Self::loose_position)?,
                    _ => self.nested(brackets)?,
                };
                return Ok(json!({"type": kind, "coordinates": coordinates}));
            }
        }
        if depth >= MAX_COLLECTIONS {
            return Err(FilterError::TooDeep { limit: MAX_COLLECTIONS });
        }
        let members = self.list(&mut |reader| reader.shape(depth + 1))?;
        Ok(json!({"type": "GeometryCollection", "geometries": members}))
    }

    /// A list of positions, in so many brackets.
    fn nested(&mut self, brackets: usize) -> Result<Value, FilterError> {
        if brackets == 1 {
            self.list(&mut Self::position)
        } else {
            self.list(&mut |reader| reader.nested(brackets - 1))
        }
    }

    fn list(
        &mut self,
        member: &mut dyn FnMut(&mut Self) -> Result<Value, FilterError>,
    ) -> Result<Value, FilterError> {
        self.take(Kind::Open, "an opening bracket")?;
        let mut members = vec![member(self)?];
        while self.tokens.get(self.next).is_some_and(|token| token.kind == Kind::Comma) {
            self.next += 1;
            members.push(member(self)?);
        }
        self.take(Kind::Close, "a comma or a closing bracket")?;
        Ok(Value::Array(members))
    }

    fn bracketed(
        &mut self,
        inside: impl Fn(&mut Self) -> Result<Value, FilterError>,
    ) -> Result<Value, FilterError> {
        self.take(Kind::Open, "an opening bracket")?;
        let value = inside(self)?;
        self.take(Kind::Close, "a closing bracket")?;
        Ok(value)
    }

    /// `MULTIPOINT` writes its positions with or without brackets of their own.
    fn loose_position(&mut self) -> Result<Value, FilterError> {
        match self.tokens.get(self.next) {
            Some(token) if token.kind == Kind::Open => self.bracketed(Self::position),
            _ => self.position(),
        }
    }

    fn position(&mut self) -> Result<Value, FilterError> {
        let position = [self.number()?, self.number()?];
        for _ in 0..2 {
            if self.tokens.get(self.next).is_some_and(|t| matches!(t.kind, Kind::Number | Kind::Symbol)) {
                self.number()?;
            }
        }
        Ok(json!(position))
    }

    fn number(&mut self) -> Result<f64, FilterError> {
        let sign = match self.tokens.get(self.next) {
            Some(token) if token.kind == Kind::Symbol && matches!(token.text, "-" | "+") => {
                self.next += 1;
                if token.text == "-" { -1.0 } else { 1.0 }
            }
            _ => 1.0,
        };
        let number = self.tokens.get(self.next).filter(|token| token.kind == Kind::Number);
        let number = number.and_then(|token| token.text.parse::<f64>().ok());
        let number = number.ok_or_else(|| self.unexpected("a coordinate"))?;
        self.next += 1;
        Ok(sign * number)
    }

    fn take(&mut self, kind: Kind, expected: &'static str) -> Result<(), FilterError> {
        match self.tokens.get(self.next) {
            Some(token) if token.kind == kind => {
                self.next += 1;
                Ok(())
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn unexpected(&self, expected: &'static str) -> FilterError {
        let at = self.tokens.get(self.next).map_or(self.text.len(), |token| token.at);
        refusal(self.text, at, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    fn geojson(text: &str) -> Result<Value, FilterError> {
        let tokens = tokens(text)?;
        assert!(starts(&tokens), "{text}");
        read(text, &tokens).map(|(shape, _)| shape)
    }

    #[test]
    fn every_shape_becomes_geojson() {
        for (text, wanted) in [
            ("POINT(1 -2)", json!({"type": "Point", "coordinates": [1.0, -2.0]})),
            ("point z (1 2 3)", json!({"type": "Point", "coordinates": [1.0, 2.0]})),
            ("POINTZM(1 2 3 4)", json!({"type": "Point", "coordinates": [1.0, 2.0]})),
            ("MULTIPOINT(1 2, 3 4)", json!({"type": "MultiPoint", "coordinates": [[1.0, 2.0], [3.0, 4.0]]})),
            ("MULTIPOINT((1 2))", json!({"type": "MultiPoint", "coordinates": [[1.0, 2.0]]})),
            ("LINESTRING(1 2,3 4)", json!({"type": "LineString", "coordinates": [[1.0, 2.0], [3.0, 4.0]]})),
            (
                "POLYGON((0 0,1 0,0 0))",
                json!({"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]]}),
            ),
            (
                "MULTIPOLYGON(((0 0,1 0,0 0)))",
                json!({"type": "MultiPolygon", "coordinates": [[[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]]]}),
            ),
            (
                "GEOMETRYCOLLECTION(POINT(1 2))",
                json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1.0, 2.0]}]}),
            ),
        ] {
            assert_eq!(geojson(text).expect(text), wanted, "{text}");
        }
    }

    #[test]
    fn broken_shapes_are_refused_where_they_break() {
        for text in ["POINT(1)", "POINT(1 2", "POLYGON(0 0,1 1)", "POINT EMPTY", "POINT(1 a)", "MULTIPOINT()"]
        {
            assert!(matches!(geojson(text), Err(FilterError::Syntax { .. })), "{text}");
        }
    }
}
