//! Bodies through the packer and back.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::stac::BodyWriter;

/// A body of some 2 KB that differs from all others in a few places.
fn body(number: usize) -> ItemBody {
    let mut writer = BodyWriter::default();
    writer.name("id");
    writer.text(&format!("item-{:08x}", number.wrapping_mul(2_654_435_761)));
    writer.name("assets");
    writer.raw("{");
    for band in 0..10 {
        writer.raw(if band == 0 { "" } else { "," });
        writer.asset_key(&format!("B{band:02}"));
        writer.raw(":{\"href\":");
        writer.asset_href(
            &format!("https://host.example/collection/{number}/scene/B{band:02}.tif"),
            band % 2 == 0,
        );
        writer.raw(r#","type":"image/tiff; application=geotiff; profile=cloud-optimized","roles":["data"]}"#);
    }
    writer.raw("}");
    writer.finish(&[]).to_body()
}

/// Packs `count` bodies of two Collections, the way that loading does.
fn packed(mut packer: Packer, count: usize) -> (Bodies, Vec<BodyRef>) {
    let refs = (0..count)
        .map(|number| {
            let collection = if number % 3 == 0 { "small" } else { "large" };
            let dictionary = packer.dictionaries().get(collection).cloned();
            packer.push(collection, Packed::new(body(number), dictionary.as_ref()))
        })
        .collect();
    (packer.finish(), refs)
}

fn again(bodies: &Bodies) -> Bodies {
    let dictionaries = bodies.dictionaries().iter().map(|(id, dictionary)| (id, dictionary.bytes()));
    let dictionaries = Dictionaries::from_parts(dictionaries).expect("dictionaries");
    Bodies::from_parts(bodies.chunks().cloned(), dictionaries).expect("bodies")
}

#[test]
fn every_body_comes_back_before_and_after_the_dictionary() {
    let (bodies, refs) = packed(Packer::default(), 3_000);
    assert!(bodies.dictionaries().get("large").is_some());
    for bodies in [&bodies, &again(&bodies)] {
        for (number, at) in refs.iter().enumerate() {
            assert_eq!(bodies.unpack(*at).expect("a body"), body(number));
        }
    }
    let raw: usize = (0..3_000).map(|number| body(number).payload().len()).sum();
    assert!(bodies.bytes() * 10 < raw, "{} of {raw} bytes", bodies.bytes());
}

#[test]
fn few_bodies_go_without_a_dictionary() {
    let (bodies, refs) = packed(Packer::default(), 30);
    assert_eq!(bodies.dictionaries().iter().len(), 0);
    assert_eq!(bodies.unpack(refs[29]).expect("a body"), body(29));
}

#[test]
fn an_extended_snapshot_shares_chunks_and_dictionaries() {
    let (old, old_refs) = packed(Packer::default(), 3_000);
    let (new, new_refs) = packed(Packer::extend(&old), 100);
    for (before, after) in old.chunks().zip(new.chunks()) {
        assert!(Arc::ptr_eq(before, after));
    }
    assert_eq!(new.dictionaries().iter().len(), old.dictionaries().iter().len());
    assert_eq!(new.unpack(old_refs[2_999]).expect("a body"), body(2_999));
    assert_eq!(new.unpack(new_refs[99]).expect("a body"), body(99));
    assert!(matches!(old.unpack(new_refs[99]), Err(BodyError::NotThere { .. })));
}

#[test]
fn a_body_packed_with_a_strange_dictionary_comes_back() {
    let (strange, _) = packed(Packer::default(), 3_000);
    let dictionary = strange.dictionaries().get("large");
    let mut packer = Packer::default();
    let at = packer.push("other", Packed::new(body(7), dictionary));
    assert_eq!(packer.finish().unpack(at).expect("a body"), body(7));
}

#[test]
fn a_body_that_does_not_shrink_is_stored() {
    let mut packer = Packer::default();
    let at = packer.push("c", Packed::new(BodyWriter::default().finish(&[]).to_body(), None));
    let bodies = packer.finish();
    assert_eq!(bodies.unpack(at).expect("a body").open_json(), r#"{"links":["#);
}

#[test]
fn no_reference_leads_outside() {
    let (bodies, _) = packed(Packer::default(), 10);
    for at in [u64::MAX, 10, 1 << 40, (1 << 32) + 10] {
        assert!(matches!(bodies.unpack(BodyRef(at)), Err(BodyError::NotThere { .. })), "{at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn damage_is_an_error_or_a_body(at in 0_usize..100_000, value: u8) {
        static PACKED: std::sync::OnceLock<(Bodies, Vec<BodyRef>)> = std::sync::OnceLock::new();
        let (bodies, refs) = PACKED.get_or_init(|| packed(Packer::default(), 200));
        let mut chunk = bodies.chunks().next().expect("a chunk").to_vec();
        let at = at % chunk.len();
        chunk[at] = value;
        let dictionaries = bodies.dictionaries().iter().map(|(id, dictionary)| (id, dictionary.bytes()));
        let dictionaries = Dictionaries::from_parts(dictionaries).expect("dictionaries");
        if let Ok(damaged) = Bodies::from_parts([chunk.into()], dictionaries) {
            for at in refs {
                let mut scratch = Vec::new();
                if damaged.unpack_into(*at, &mut scratch).is_ok() {
                    let _body_or_error = ItemBody::from_payload(scratch);
                }
            }
        }
    }
}
