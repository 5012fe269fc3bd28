//! The body of a PATCH: a merge patch (RFC 7396) or the operations of a JSON patch (RFC 6902).

use axum::http::{HeaderValue, header};
use json_patch::{PatchOperation, jsonptr::Pointer};
use serde_json::Value;

use super::sent::{Media, invalid, parsed, unsupported};
use crate::api::error::ApiError;

/// Operations of one JSON patch.
const MAX_OPERATIONS: usize = 1_000;

/// Arrays and objects inside each other that a parser of JSON takes.
const MAX_DEPTH: usize = 100;

/// Values that the operations of one JSON patch may move and copy.
const MAX_MOVED: usize = 1_000_000;

const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "application/merge-patch+json, application/json-patch+json, application/json, application/geo+json",
);

/// What is to become of a document.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Members to be set, or taken away where they are null.
    Merge(Value),
    /// Operations, all of which have to succeed.
    Operations(Vec<PatchOperation>),
}

impl Edit {
    pub(super) fn read(media: Media, body: &[u8]) -> Result<Self, ApiError> {
        match media {
            Media::Json | Media::MergePatch => match parsed(body)? {
                merge @ Value::Object(_) => Ok(Self::Merge(merge)),
                _ => Err(invalid(
                    "a merge patch is a JSON object; send a JSON patch as application/json-patch+json",
                )),
            },
            Media::JsonPatch => {
                let operations: Vec<PatchOperation> = serde_json::from_slice(body)
                    .map_err(|error| invalid(format!("the body is no JSON patch: {error}")))?;
                if operations.len() > MAX_OPERATIONS {
                    let description = format!("a JSON patch has at most {MAX_OPERATIONS} operations");
                    return Err(invalid(description));
                }
                Ok(Self::Operations(operations))
            }
            Media::Other => {
                let error = unsupported(
                    "a PATCH is application/merge-patch+json, application/json-patch+json or application/json",
                );
                Err(error.with(header::HeaderName::from_static("accept-patch"), ACCEPTED))
            }
        }
    }

    /// Changes a document; on an error it is not to be used.
    pub(super) fn apply(&self, document: &mut Value) -> Result<(), ApiError> {
        let operations = match self {
            Self::Merge(merge) => {
                json_patch::merge(document, merge);
                return Ok(());
            }
            Self::Operations(operations) => operations,
        };
        let mut moved = 0;
        for (nth, operation) in (1..).zip(operations) {
            check(document, operation, &mut moved)
                .map_err(|reason| invalid(format!("operation {nth} of the JSON patch: {reason}")))?;
            json_patch::patch(document, std::slice::from_ref(operation)).map_err(|error| {
                invalid(format!("operation {nth} of the JSON patch cannot be done: {}", error.kind))
            })?;
        }
        Ok(())
    }
}

/// Refuses an operation after which a document could not be read again, or that with those before it moves too much:
/// copies of copies grow without end.
fn check(document: &Value, operation: &PatchOperation, moved: &mut usize) -> Result<(), String> {
    let depth_of = |path: &Pointer, value: &Value, count: &mut usize| {
        let depth = path.count() + depth(value, count);
        if depth > MAX_DEPTH {
            return Err(format!("nothing is nested more than {MAX_DEPTH} deep"));
        }
        Ok(())
    };
    let (to, from) = match operation {
        PatchOperation::Add(add) => return depth_of(&add.path, &add.value, &mut 0),
        PatchOperation::Replace(replace) => return depth_of(&replace.path, &replace.value, &mut 0),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(()),
        PatchOperation::Move(operation) => (&operation.path, &operation.from),
        PatchOperation::Copy(operation) => (&operation.path, &operation.from),
    };
    // That nothing is there is told when it is done.
    let Some(value) = document.pointer(from.as_str()) else { return Ok(()) };
    depth_of(to, value, moved)?;
    if *moved > MAX_MOVED {
        return Err(format!("a JSON patch moves and copies at most {MAX_MOVED} values"));
    }
    Ok(())
}

/// How deep a value is nested; adds the values in it to `count`. It came from a parser and passed [`check`], so that it is
/// not deep itself.
fn depth(value: &Value, count: &mut usize) -> usize {
    *count += 1;
    let inner = match value {
        Value::Array(list) => list.iter().map(|value| depth(value, count)).max(),
        Value::Object(members) => members.values().map(|value| depth(value, count)).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn operations(patch: Value) -> Edit {
        Edit::Operations(serde_json::from_value(patch).expect("operations"))
    }

    fn applied(edit: &Edit, mut document: Value) -> Option<Value> {
        edit.apply(&mut document).ok().map(|()| document)
    }

    #[test]
    fn a_merge_patch_sets_and_takes_away() {
        let edit = Edit::Merge(json!({"a": {"b": null, "c": 1}, "d": [1]}));
        let document = json!({"a": {"b": 1, "x": 2}, "d": {"e": 1}});
        assert_eq!(applied(&edit, document), Some(json!({"a": {"x": 2, "c": 1}, "d": [1]})));
    }

    #[test]
    fn a_json_patch_is_done_in_its_order_or_not_at_all() {
        let edit = operations(json!([
            {"op": "test", "path": "/a", "value": 1},
            {"op": "add", "path": "/b/-", "value": 2},
            {"op": "move", "from": "/b", "path": "/c"},
            {"op": "copy", "from": "/c/0", "path": "/d"},
            {"op": "remove", "path": "/a"}
        ]));
        assert_eq!(applied(&edit, json!({"a": 1, "b": [1]})), Some(json!({"c": [1, 2], "d": 1})));
        assert_eq!(applied(&edit, json!({"a": 2, "b": [1]})), None);
        assert_eq!(applied(&edit, json!({"a": 1})), None);
    }

    #[test]
    fn copies_of_copies_and_bottomless_nests_are_refused() {
        let doubled = json!({"op": "copy", "from": "/a", "path": "/a/0"});
        let wide = json!({"op": "copy", "from": "", "path": "/b"});
        for operation in [doubled, wide] {
            let edit = operations(vec![operation; 200].into());
            assert_eq!(applied(&edit, json!({"a": [[]]})), None);
        }
        let wide: Vec<Value> =
            (0..200).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/{n}")})).collect();
        assert_eq!(applied(&operations(wide.into()), json!({"a": vec![0; 10_000]})), None);
        let deep = (0..101).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(
            applied(&operations(json!([{"op": "add", "path": "/a", "value": deep}])), json!({})),
            None
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..5).prop_map(Value::from)];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// RFC 7396, section 2, word for word.
    fn merged(target: Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else { return patch.clone() };
        let Value::Object(mut target) = (if target.is_object() { target } else { json!({}) }) else {
            return Value::Null;
        };
        for (name, value) in patch {
            let before = target.remove(name);
            if !value.is_null() {
                target.insert(name.clone(), merged(before.unwrap_or_default(), value));
            }
        }
        Value::Object(target)
    }

    proptest! {
        #[test]
        fn merging_is_what_the_rfc_says(target in values(), patch in values()) {
            prop_assert_eq!(applied(&Edit::Merge(patch.clone()), target.clone()), Some(merged(target, &patch)));
        }
    }
}
