//! When a raster was taken, from what is written somewhere.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Years that a path may mean; other runs of digits are numbers.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;

/// Date and maybe time: `20240105T095029`, `2024-01-05T09:50:29Z`, `2024_01_05`, `2024/01/05`, `20240105`; with the day of the
/// year, `2024005T095029`, `A2024005`.
static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)(?: ^ | [^0-9] )
        (?P<date> (?P<year>\d{4}) (?: (?P<m1>\d{2}) (?P<d1>\d{2})
            | - (?P<m2>\d{2}) - (?P<d2>\d{2}) | _ (?P<m3>\d{2}) _ (?P<d3>\d{2})
            | / (?P<m4>\d{2}) / (?P<d4>\d{2}) | \. (?P<m5>\d{2}) \. (?P<d5>\d{2}) | (?P<doy>\d{3}) ) )
        (?: [T_\-\ ] (?P<hour>\d{2}) [:\-]? (?P<minute>\d{2}) [:\-]? (?P<second>\d{2}) (?: Z | [^0-9] | $ ) )?",
    )
    .ok()
});

/// The time in a path below the source: that in the file's name before that in its folders, the nearest first; within a
/// name the first, as product names put the sensing time before that of processing.
pub(super) fn in_path(relative: &str) -> Option<DateTime<Utc>> {
    relative.rsplit('/').find_map(in_text).or_else(|| in_text(relative))
}

/// The first date in a text, with its time of day where one follows.
pub(super) fn in_text(text: &str) -> Option<DateTime<Utc>> {
    let pattern = PATTERN.as_ref()?;
    let mut from = 0;
    while let Some(captures) = pattern.captures_at(text, from) {
        let date = captures.name("date")?;
        let number = |name: &str| captures.name(name)?.as_str().parse::<u32>().ok();
        let field = |letter: char| (1..=5).find_map(|n| number(&format!("{letter}{n}")));
        let followed_by_digit = text.as_bytes().get(date.end()).is_some_and(u8::is_ascii_digit);
        let clock = number("hour").zip(number("minute")).zip(number("second"));
        let year =
            number("year").and_then(|year| i32::try_from(year).ok()).filter(|year| YEARS.contains(year));
        let day = year.and_then(|year| match number("doy") {
            // Seven digits alone are a number.
            Some(day) if clock.is_some() || is_marked(text, date.start()) => {
                NaiveDate::from_yo_opt(year, day)
            }
            Some(_) => None,
            None => NaiveDate::from_ymd_opt(year, field('m')?, field('d')?),
        });
        if let Some(day) = day.filter(|_| !followed_by_digit) {
            let time = clock.and_then(|((hour, minute), second)| day.and_hms_opt(hour, minute, second));
            return Some(time.unwrap_or_else(|| day.into()).and_utc());
        }
        from = date.start() + 1;
    }
    None
}

/// True when the day of acquisition begins there, as names of MODIS and VIIRS products mark it: `.A2024005.`
fn is_marked(text: &str, start: usize) -> bool {
    let mut before = text.bytes().take(start).rev();
    before.next() == Some(b'A') && before.next().is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// The time that named groups of a definition's pattern spell: `datetime`, or `year` with `month` and `day` or with `doy`,
/// and then maybe `hour`, `minute`, `second`.
pub(super) fn in_groups(groups: &BTreeMap<String, String>) -> Option<DateTime<Utc>> {
    if let Some(text) = groups.get("datetime") {
        return crate::stac::parse_instant(text).ok().or_else(|| in_text(text));
    }
    let number = |name: &str| groups.get(name)?.parse::<u32>().ok();
    let year = i32::try_from(number("year")?).ok()?;
    let day = match number("doy") {
        Some(doy) => NaiveDate::from_yo_opt(year, doy)?,
        None => NaiveDate::from_ymd_opt(year, number("month").unwrap_or(1), number("day").unwrap_or(1))?,
    };
    let clock = |name: &str| number(name).unwrap_or(0);
    Some(day.and_hms_opt(clock("hour"), clock("minute"), clock("second"))?.and_utc())
}

/// The time in TIFF's `DateTime` tag, which has no zone: taken as UTC. Zeros mean unknown.
pub(super) fn in_tiff(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim().trim_end_matches('\0');
    let time = NaiveDateTime::parse_from_str(text, "%Y:%m:%d %H:%M:%S").ok()?.and_utc();
    YEARS.contains(&chrono::Datelike::year(&time)).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<String> {
        in_path(text).map(|t| t.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    #[test]
    fn dates_are_read_in_all_common_spellings() {
        for (text, want) in [
            ("S2A_MSIL2A_20240105T095029_N0510_R079_20240105T131512.tif", "2024-01-05T09:50:29"),
            ("x/20240105.tif", "2024-01-05T00:00:00"),
            ("x/a_2024-01-05.tif", "2024-01-05T00:00:00"),
            ("x/a_2024_01_05_B04.tif", "2024-01-05T00:00:00"),
            ("x/2024/01/05/a.tif", "2024-01-05T00:00:00"),
            ("x/2024-01-05T09:50:29Z/a.tif", "2024-01-05T09:50:29"),
            ("x/20240105_095029_B04.tif", "2024-01-05T09:50:29"),
            ("2023-01-01/a_20240229.tif", "2024-02-29T00:00:00"),
            ("LC08_L2SP_190018_20200102_20200824_02_T1.tif", "2020-01-02T00:00:00"),
            ("a_20240105_999999.tif", "2024-01-05T00:00:00"),
            ("HLS.S30.T35VLH.2024123T095031.v2.0.B02.tif", "2024-05-02T09:50:31"),
            (
                "HLS.L30.T35VLH.2023366T095031.v2.0.B02/HLS.L30.T35VLH.2024366T095031.tif",
                "2024-12-31T09:50:31",
            ),
            ("MOD09GA.A2024060.h18v02.061.2024062031415.tif", "2024-02-29T00:00:00"),
        ] {
            assert_eq!(path(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn numbers_that_are_no_dates_are_left_alone() {
        for text in [
            "a_20241305.tif",
            "a_20230229.tif",
            "1202401051.tif",
            "tile_12345678.tif",
            "0001/01/01.tif",
            "tile_2024123.tif",
            "xA2024123.tif",
            "a_A2023366.tif",
            "a_2024000T000000.tif",
            "a.tif",
        ] {
            assert_eq!(path(text), None, "{text}");
        }
        assert_eq!(path("12345678_20240105.tif").as_deref(), Some("2024-01-05T00:00:00"));
    }

    #[test]
    fn groups_and_tags_spell_times() {
        let groups = |pairs: &[(&str, &str)]| {
            in_groups(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
                .map(|t| t.to_rfc3339())
        };
        assert_eq!(groups(&[("year", "2024"), ("doy", "60")]).as_deref(), Some("2024-02-29T00:00:00+00:00"));
        assert_eq!(groups(&[("datetime", "20240105T095029")]).as_deref(), Some("2024-01-05T09:50:29+00:00"));
        assert_eq!(groups(&[("year", "2024"), ("month", "13"), ("day", "1")]), None);
        assert!(in_tiff("2014:12:13 01:02:03").is_some());
        assert!(in_tiff("0000:00:00 00:00:00").is_none());
    }
}
