//! CASEI and ACCENTI: what differs in case or accents only becomes the same text.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What is levelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// Upper and lower case.
    Case,
    /// Accents and strokes.
    Accents,
}

impl Fold {
    /// The levelled text; borrowed when nothing changes, as in most names of data.
    pub(super) fn apply(self, text: Cow<'_, str>) -> Cow<'_, str> {
        match self {
            Self::Case if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) => text,
            Self::Case if text.is_ascii() => Cow::Owned(text.to_ascii_lowercase()),
            // By way of the upper case, so that ß meets SS and a final sigma any other.
            Self::Case => {
                Cow::Owned(text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect())
            }
            Self::Accents if text.is_ascii() => text,
            Self::Accents => {
                let mut plain = String::with_capacity(text.len());
                for c in text.nfd().filter(|c| !is_combining_mark(*c)) {
                    match without_stroke(c) {
                        Some(letters) => plain.push_str(letters),
                        None => plain.push(c),
                    }
                }
                Cow::Owned(plain)
            }
        }
    }
}

/// Latin letters that Unicode does not take apart.
fn without_stroke(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' => "o",
        'Ø' => "O",
        'ł' => "l",
        'Ł' => "L",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'ħ' => "h",
        'Ħ' => "H",
        'ŧ' => "t",
        'Ŧ' => "T",
        'ı' => "i",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'þ' => "th",
        'Þ' => "TH",
        'ß' => "ss",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_levelled_beyond_ascii() {
        let same =
            |a: &'static str, b: &'static str| Fold::Case.apply(a.into()) == Fold::Case.apply(b.into());
        assert!(same("Sentinel-2A", "SENTINEL-2a"));
        assert!(same("ÄÖÅ", "äöå"));
        assert!(same("STRASSE", "straße"));
        assert!(same("ΟΔΟΣ", "οδος"));
        assert!(!same("a", "ä"));
    }

    #[test]
    fn accents_and_strokes_are_taken_off() {
        let plain = |text: &'static str| Fold::Accents.apply(text.into()).into_owned();
        assert_eq!(plain("Jyväskylä"), "Jyvaskyla");
        assert_eq!(plain("Łódź, Tromsø"), "Lodz, Tromso");
        assert_eq!(plain("Ho\u{302}tel"), "Hotel");
    }

    #[test]
    fn plain_texts_are_not_copied() {
        assert!(matches!(Fold::Case.apply("sentinel-2a".into()), Cow::Borrowed(_)));
        assert!(matches!(Fold::Accents.apply("Sentinel".into()), Cow::Borrowed(_)));
    }
}
