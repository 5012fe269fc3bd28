//! How a Collection's Items are shelved: all in one document while they are few, else by year and month, and a month with
//! too many by day, a day with too many in numbered parts.
//!
//! No document links more than [`MAX_LINKED_ITEMS`], so that adding an Item rewrites one small document.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// Items that one document links at most.
pub const MAX_LINKED_ITEMS: usize = 1_000;

/// Folder of Items without any time.
pub(super) const UNDATED: &str = "undated";

/// A document that links Items, or further shelves.
#[derive(Debug, PartialEq)]
pub(super) enum Shelf {
    /// Indices of the Items, in the order given.
    Items(Vec<usize>),
    /// Shelves below, by name in ascending order.
    Shelves(BTreeMap<String, Shelf>),
}

/// Shelves Items, given the time of each; the order within a shelf is that of `times`.
pub(super) fn shelve(times: &[Option<DateTime<Utc>>]) -> Shelf {
    let all: Vec<usize> = (0..times.len()).collect();
    if all.len() <= MAX_LINKED_ITEMS {
        return Shelf::Items(all);
    }
    let name = |index: &usize, format: &str| {
        let time = times.get(*index).copied().flatten();
        time.map_or_else(|| UNDATED.to_owned(), |time| time.format(format).to_string())
    };
    // Years always hold months, however few the Items of one year are: a path then says the same in every tree.
    let years = split(all, |index| name(index, "%Y"));
    Shelf::Shelves(
        years
            .into_iter()
            .map(|(year, items)| {
                if year == UNDATED {
                    return (year, numbered(items));
                }
                let months = split(items, |index| name(index, "%m"));
                let months = months.into_iter().map(|(month, items)| {
                    if items.len() <= MAX_LINKED_ITEMS {
                        return (month, Shelf::Items(items));
                    }
                    let days = split(items, |index| name(index, "%d"));
                    let days = days.into_iter().map(|(day, items)| (day, numbered(items)));
                    (month, Shelf::Shelves(days.collect()))
                });
                (year, Shelf::Shelves(months.collect()))
            })
            .collect(),
    )
}

/// Shelves Items by the folders that each lies in, as a layout's template named them: all have as many.
pub(super) fn shelve_by(folders: &[&[String]]) -> Shelf {
    shelve_below((0..folders.len()).collect(), folders, 0)
}

fn shelve_below(items: Vec<usize>, folders: &[&[String]], depth: usize) -> Shelf {
    let name = |index: &usize| folders.get(*index)?.get(depth).cloned();
    if items.first().and_then(name).is_none() {
        return numbered(items);
    }
    let shelves = split(items, |index| name(index).unwrap_or_else(|| UNDATED.to_owned()));
    let shelves = shelves.into_iter().map(|(name, items)| (name, shelve_below(items, folders, depth + 1)));
    Shelf::Shelves(shelves.collect())
}

fn split(items: Vec<usize>, name: impl Fn(&usize) -> String) -> BTreeMap<String, Vec<usize>> {
    let mut parts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for index in items {
        parts.entry(name(&index)).or_default().push(index);
    }
    parts
}

/// As they are, or in parts `0001`, `0002` … when there are too many.
fn numbered(items: Vec<usize>) -> Shelf {
    if items.len() <= MAX_LINKED_ITEMS {
        return Shelf::Items(items);
    }
    let parts = items.chunks(MAX_LINKED_ITEMS).enumerate();
    Shelf::Shelves(parts.map(|(n, part)| (format!("{:04}", n + 1), Shelf::Items(part.to_vec()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone};
    use proptest::prelude::*;

    fn start() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2023, 12, 30, 0, 0, 0).single().expect("a date")
    }

    fn linked(shelf: &Shelf, into: &mut Vec<usize>) {
        match shelf {
            Shelf::Items(items) => {
                assert!(items.len() <= MAX_LINKED_ITEMS);
                into.extend(items);
            }
            Shelf::Shelves(shelves) => shelves.values().for_each(|s| linked(s, into)),
        }
    }

    #[test]
    fn a_thousand_items_stay_in_the_collection() {
        assert!(matches!(shelve(&vec![Some(start()); 1_000]), Shelf::Items(_)));
        assert!(matches!(shelve(&vec![Some(start()); 1_001]), Shelf::Shelves(_)));
    }

    #[test]
    fn more_go_to_years_and_months() {
        let times: Vec<_> = (0..1_200).map(|h| Some(start() + Duration::hours(h))).collect();
        let Shelf::Shelves(years) = shelve(&times) else { panic!("not shelved") };
        assert_eq!(years.keys().collect::<Vec<_>>(), ["2023", "2024"]);
        let Some(Shelf::Shelves(months)) = years.get("2024") else { panic!("no months") };
        assert_eq!(months.keys().collect::<Vec<_>>(), ["01", "02"]);
    }

    #[test]
    fn folders_of_a_template_are_shelves() {
        let folders = [["2024".to_owned()], ["2023".to_owned()], ["2024".to_owned()]];
        let folders: Vec<&[String]> = folders.iter().map(<[String; 1]>::as_slice).collect();
        let Shelf::Shelves(years) = shelve_by(&folders) else { panic!("not shelved") };
        assert_eq!(years.get("2024"), Some(&Shelf::Items(vec![0, 2])));
        assert_eq!(years.get("2023"), Some(&Shelf::Items(vec![1])));
        assert_eq!(shelve_by(&[&[], &[]]), Shelf::Items(vec![0, 1]));
    }

    proptest! {
        #[test]
        fn every_item_is_linked_once(hours in proptest::collection::vec(proptest::option::of(0_i64..900), 0..4_000)) {
            let times: Vec<_> = hours.iter().map(|h| h.map(|h| start() + Duration::hours(h / 8))).collect();
            let mut found = Vec::new();
            linked(&shelve(&times), &mut found);
            found.sort_unstable();
            prop_assert_eq!(found, (0..times.len()).collect::<Vec<_>>());
        }
    }
}
