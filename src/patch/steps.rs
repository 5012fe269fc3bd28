//! Items become time steps. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::series::GroupBy;
use crate::stac::ItemFacts;

/// One time step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Time of its earliest Item.
    pub(super) time: DateTime<Utc>,
    /// Its Items as indexes, earliest first.
    pub(super) items: Vec<usize>,
}

/// Groups Items into steps, time ascending; `lon` is the longitude of the patch's middle.
pub(super) fn group(items: &[&ItemFacts], by: GroupBy, lon: f64) -> Vec<Step> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|index| {
        let item = items[*index];
        (item.time, &item.id, &item.collection)
    });
    let mut steps: Vec<Step> = Vec::new();
    let mut known: HashMap<(NaiveDate, Option<&str>), usize> = HashMap::new();
    for index in order {
        let item = items[index];
        let new = steps.len();
        let at = match by {
            GroupBy::Item => new,
            GroupBy::SolarDay => {
                *known.entry((solar_day(item.time, lon), item.platform.as_deref())).or_insert(new)
            }
        };
        match steps.get_mut(at) {
            Some(step) => step.items.push(index),
            None => steps.push(Step { time: item.time, items: vec![index] }),
        }
    }
    steps
}

/// The date by the sun: UTC shifted by an hour for every 15 degrees of longitude.
fn solar_day(time: DateTime<Utc>, lon: f64) -> NaiveDate {
    #[expect(clippy::cast_possible_truncation, reason = "at most half a day")]
    let shift = Duration::milliseconds((lon / 15.0 * 3_600_000.0).round() as i64);
    time.checked_add_signed(shift).unwrap_or(time).date_naive()
}

/// Which of `available` steps make up `wanted`: evenly spread, first and last included, all of them when there are fewer.
pub(super) fn spread(available: usize, wanted: usize) -> Vec<usize> {
    if available <= wanted {
        return (0..available).collect();
    }
    match wanted {
        0 => Vec::new(),
        1 => vec![0],
        // Half up: floor((2k(M−1) + (T−1)) / 2(T−1)).
        _ => (0..wanted).map(|k| (2 * k * (available - 1) + wanted - 1) / (2 * (wanted - 1))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stac::parse_instant;
    use proptest::prelude::*;

    fn item(id: &str, time: &str, platform: &str) -> ItemFacts {
        ItemFacts {
            id: id.to_owned(),
            collection: "c".to_owned(),
            time: parse_instant(time).expect("an instant"),
            platform: Some(platform.to_owned()),
            footprint: None,
            assets: Vec::new(),
        }
    }

    #[test]
    fn a_solar_day_is_local_and_of_one_platform() {
        let items = [
            item("late", "2024-06-01T23:30:00Z", "a"),
            item("early", "2024-06-01T12:30:00Z", "a"),
            item("other", "2024-06-01T12:31:00Z", "b"),
            item("next", "2024-06-02T01:00:00Z", "a"),
        ];
        let refs: Vec<&ItemFacts> = items.iter().collect();
        let ids = |lon| {
            group(&refs, GroupBy::SolarDay, lon)
                .iter()
                .map(|s| s.items.iter().map(|i| items[*i].id.as_str()).collect::<Vec<_>>().join("+"))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(0.0), ["early+late", "other", "next"]);
        assert_eq!(ids(150.0), ["early", "other", "late+next"], "ten hours ahead");
        assert_eq!(group(&refs, GroupBy::Item, 0.0).len(), 4);
    }

    #[test]
    fn steps_are_spread_as_the_contract_says() {
        assert_eq!(spread(10, 4), [0, 3, 6, 9]);
        assert_eq!(spread(6, 3), [0, 3, 5], "2.5 rounds up");
        assert_eq!(spread(5, 1), [0]);
        assert_eq!(spread(2, 5), [0, 1]);
        assert_eq!(spread(0, 5), [0usize; 0]);
    }

    proptest! {
        #[test]
        fn spread_steps_ascend_and_keep_both_ends(available in 1usize..500, wanted in 2usize..500) {
            let steps = spread(available, wanted);
            prop_assert_eq!(steps.len(), wanted.min(available));
            prop_assert!(steps.windows(2).all(|w| w[0] < w[1]));
            prop_assert_eq!((steps.first(), steps.last()), (Some(&0), Some(&(available - 1))));
        }
    }
}
