//! Patterns of LIKE: `%` is any text, `_` one character, `\` takes the next character as it is.

/// A pattern, cut once.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Char(char),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' if pieces.last() == Some(&Piece::Any) => {}
                '%' => pieces.push(Piece::Any),
                '_' => pieces.push(Piece::One),
                '\\' => pieces.push(Piece::Char(chars.next().unwrap_or('\\'))),
                _ => pieces.push(Piece::Char(c)),
            }
        }
        Self(pieces)
    }

    /// Whether the whole text fits. Goes back to the last `%` only, so the cost is at most the product of the lengths.
    pub(super) fn fits(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = rest.clone();
            let next = ahead.next();
            match (self.0.get(at), next) {
                (Some(Piece::Any), _) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                (Some(Piece::One), Some(_)) => {
                    at += 1;
                    rest = ahead;
                    continue;
                }
                (Some(Piece::Char(wanted)), Some(c)) if *wanted == c => {
                    at += 1;
                    rest = ahead;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            // One character more for the last `%`.
            let Some((after, from)) = retry.as_mut() else { return false };
            if from.next().is_none() {
                return false;
            }
            at = *after;
            rest = from.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_and_escapes() {
        for (text, pattern, wanted) in [
            ("", "", true),
            ("", "%", true),
            ("a", "", false),
            ("sentinel-2a", "sentinel%", true),
            ("sentinel-2a", "%2_", true),
            ("sentinel-2a", "%2", false),
            ("éa", "_a", true),
            ("100%", r"100\%", true),
            ("1000", r"100\%", false),
            ("a_b", r"a\_b", true),
            ("axb", r"a\_b", false),
            ("a\\", r"a\\", true),
            ("aab", "%ab", true),
        ] {
            assert_eq!(Pattern::new(pattern).fits(text), wanted, "{text} LIKE {pattern}");
        }
    }

    #[test]
    fn many_wildcards_cost_no_more_than_the_product() {
        let pattern = Pattern::new(&"%a".repeat(2_000));
        assert!(!pattern.fits(&("a".repeat(1_999) + "b")));
    }

    fn plainly(pattern: &[Piece], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([Piece::Any, rest @ ..], _) => (0..=text.len()).any(|skip| plainly(rest, &text[skip..])),
            ([Piece::One, rest @ ..], [_, after @ ..]) => plainly(rest, after),
            ([Piece::Char(c), rest @ ..], [first, after @ ..]) if c == first => plainly(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn fits_what_the_definition_fits(pattern in "[ab%_]{0,7}", text in "[ab]{0,7}") {
            let pattern = Pattern::new(&pattern);
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(pattern.fits(&text), plainly(&pattern.0, &chars));
        }
    }
}
