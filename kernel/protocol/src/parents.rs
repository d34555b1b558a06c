//! What a node is made from, as messages and files say it.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

/// Reads `parents: [a, b]`, and `parent: a` of the time when a node had one; to be used with `alias = "parent"`.
///
/// # Errors
/// When none is named.
pub fn parents<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(parent) => Ok(vec![parent]),
        OneOrMany::Many(parents) if parents.is_empty() => Err(D::Error::custom(
            "parents names nothing that it is made from",
        )),
        OneOrMany::Many(parents) => Ok(parents),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Command, Request};

    #[test]
    fn one_parent_is_read_as_it_was_written_when_there_was_one() {
        for parents in [
            json!({"parent": 3}),
            json!({"parents": [3]}),
            json!({"parents": 3}),
        ] {
            let with = |mut message: serde_json::Value| {
                message
                    .as_object_mut()
                    .unwrap()
                    .extend(parents.as_object().unwrap().clone());
                message
            };
            let command = with(json!({"command": "add_node", "operation": "mean"}));
            match serde_json::from_value(command).unwrap() {
                Command::AddNode { parents, .. } => assert_eq!(parents, [3]),
                other => panic!("{other:?}"),
            }
            let request = with(json!({
                "type": "add_operation", "request_id": 1, "operation": "mean", "params": {}
            }));
            match serde_json::from_value(request).unwrap() {
                Request::AddOperation { parents, .. } => assert_eq!(parents, [3]),
                other => panic!("{other:?}"),
            }
        }
        let nothing = json!({"command": "add_node", "operation": "mean", "parents": []});
        let error = serde_json::from_value::<Command>(nothing)
            .unwrap_err()
            .to_string();
        assert!(error.contains("names nothing"), "{error}");
    }
}
