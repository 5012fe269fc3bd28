//! What a request says of the copy that the client has: RFC 9110, section 13.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::storage::Meta;

/// A time behind which an object may have changed twice within the second that `Last-Modified` can tell.
const SETTLED: TimeDelta = TimeDelta::seconds(1);

/// The headers of that name, as they came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// `If-Match`
    pub if_match: Option<&'a str>,
    /// `If-None-Match`
    pub if_none_match: Option<&'a str>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<&'a str>,
    /// `If-Unmodified-Since`
    pub if_unmodified_since: Option<&'a str>,
    /// `If-Range`
    pub if_range: Option<&'a str>,
}

/// What they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request is to be done.
    Proceed,
    /// The client has the object.
    NotModified,
    /// The object is not the one that the client means.
    Failed,
}

impl Conditions<'_> {
    /// True when the answer hangs on what the object is now.
    pub(super) fn ask_for_now(&self) -> bool {
        self.if_match.is_some()
            || self.if_none_match.is_some()
            || self.if_modified_since.is_some()
            || self.if_unmodified_since.is_some()
    }

    /// Looks at them in the order of section 13.2.2.
    pub(super) fn verdict(&self, meta: &Meta) -> Verdict {
        let modified = known_time(meta);
        let changed_since = |date: DateTime<Utc>| modified.is_some_and(|at| at > date);
        let is_other = match (self.if_match, self.if_unmodified_since.and_then(date)) {
            (Some(tags), _) => !names(tags, |tag| is_strong(tag) && tag == meta.etag),
            (None, Some(date)) => changed_since(date),
            (None, None) => false,
        };
        if is_other {
            return Verdict::Failed;
        }
        let is_known = match (self.if_none_match, self.if_modified_since.and_then(date)) {
            (Some(tags), _) => names(tags, |tag| opaque(tag) == opaque(&meta.etag)),
            (None, Some(date)) => modified.is_some() && !changed_since(date),
            (None, None) => false,
        };
        if is_known { Verdict::NotModified } else { Verdict::Proceed }
    }

    /// True when a range is of the object as it is: `If-Range` names it strongly, or is not there.
    pub(super) fn range_holds(&self, meta: &Meta, now: DateTime<Utc>) -> bool {
        let Some(value) = self.if_range.map(str::trim) else { return true };
        if value.starts_with('"') || value.starts_with("W/") {
            return is_strong(value) && value == meta.etag;
        }
        let is_settled = |at: &DateTime<Utc>| now - *at >= SETTLED;
        known_time(meta).filter(is_settled).is_some_and(|at| date(value) == Some(at))
    }
}

/// When the object was changed, in whole seconds; some web servers do not say.
pub(super) fn known_time(meta: &Meta) -> Option<DateTime<Utc>> {
    (meta.modified > DateTime::UNIX_EPOCH).then(|| meta.modified.trunc_subsecs(0))
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.to_utc())
}

fn is_strong(tag: &str) -> bool {
    !tag.starts_with("W/")
}

fn opaque(tag: &str) -> &str {
    tag.trim_start_matches("W/")
}

/// True when one of the tags is wanted, or the list is `*`. A tag may hold commas.
fn names(list: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut within = false;
    let apart = |c: char| {
        within ^= c == '"';
        c == ',' && !within
    };
    list.split(apart).any(|tag| is_wanted(tag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(etag: &str) -> Meta {
        let modified = "1994-11-06T08:49:37.5Z".parse().expect("a time");
        Meta { len: 1, modified, etag: etag.to_owned(), inode: None }
    }

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn of<'a>(name: &str, value: &'a str) -> Conditions<'a> {
        let value = |wanted: &str| (name == wanted).then_some(value);
        Conditions {
            if_match: value("match"),
            if_none_match: value("none"),
            if_modified_since: value("since"),
            if_unmodified_since: value("unmodified"),
            if_range: value("range"),
        }
    }

    #[test]
    fn each_condition_is_judged_as_the_rfc_says() {
        use Verdict::{Failed, NotModified, Proceed};
        for (name, value, verdict) in [
            ("none", "\"a\"", NotModified),
            ("none", "W/\"a\"", NotModified),
            ("none", "\"b\", \"x,y\",\"a\"", NotModified),
            ("none", "*", NotModified),
            ("none", "\"b\"", Proceed),
            ("none", "\"b,\"a\"\"", Proceed),
            ("match", "\"a\"", Proceed),
            ("match", "*", Proceed),
            ("match", "W/\"a\"", Failed),
            ("match", "\"b\"", Failed),
            ("since", DATE, NotModified),
            ("since", EARLIER, Proceed),
            ("since", "yesterday", Proceed),
            ("unmodified", DATE, Proceed),
            ("unmodified", EARLIER, Failed),
        ] {
            assert_eq!(of(name, value).verdict(&meta("\"a\"")), verdict, "{name} {value}");
        }
        let both = Conditions { if_none_match: Some("\"b\""), ..of("since", DATE) };
        assert_eq!(both.verdict(&meta("\"a\"")), Proceed, "a tag tells more than a date");
    }

    #[test]
    fn a_range_holds_for_the_very_object_only() {
        let now = Utc::now();
        let holds = |value: &str, etag: &str| of("range", value).range_holds(&meta(etag), now);
        assert!(Conditions::default().range_holds(&meta("\"a\""), now));
        assert!(holds("\"a\"", "\"a\"") && holds(DATE, "\"a\""));
        assert!(!holds("\"b\"", "\"a\"") && !holds("W/\"a\"", "W/\"a\"") && !holds(EARLIER, "\"a\""));
        let fresh = Meta { modified: now, ..meta("\"a\"") };
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert!(!of("range", &date).range_holds(&fresh, now), "it may change again within the second");
    }
}
