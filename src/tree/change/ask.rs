//! What is asked of a Collection's Items, until it is answered.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::oneshot;

use super::{ChangeError, Condition, Written};
use crate::storage::Location;

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    /// An Item is to be as given.
    Put { id: String, item: Arc<Value>, condition: Condition },
    /// Items are to be made, all or none.
    Make { items: Vec<(String, Arc<Value>)> },
    /// An Item is to go.
    Delete { id: String, condition: Condition },
    /// Items whose documents are there are to be linked, as the intent says.
    Finish { items: Vec<Location>, intent: Location },
}

/// Where the answer goes.
pub(super) type Answer = oneshot::Sender<Result<Vec<Written>, ChangeError>>;

/// An [`Ask`] that waits.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ask: Ask,
    answer: Option<Answer>,
    /// When it came.
    pub(super) since: Instant,
    /// True when the places of new Items are to be looked at before they are claimed.
    pub(super) looks: bool,
    /// Items of a bulk write that are linked already.
    pub(super) linked: HashSet<Location>,
    /// Where a bulk write's intent lies.
    pub(super) intent: Option<Location>,
}

impl Asked {
    pub(super) fn new(ask: Ask, answer: Answer) -> Self {
        let intent = match &ask {
            Ask::Finish { intent, .. } => Some(intent.clone()),
            _ => None,
        };
        Self {
            ask,
            answer: Some(answer),
            since: Instant::now(),
            looks: false,
            linked: HashSet::new(),
            intent,
        }
    }

    /// Answers; whoever asked may have gone.
    pub(super) fn answer(&mut self, answer: Result<Vec<Written>, ChangeError>) {
        if let Some(sender) = self.answer.take() {
            drop(sender.send(answer));
        }
    }

    /// True until it is answered.
    pub(super) fn waits(&self) -> bool {
        self.answer.is_some()
    }

    /// The ids of its Items.
    pub(super) fn ids(&self) -> Vec<&str> {
        match &self.ask {
            Ask::Put { id, .. } | Ask::Delete { id, .. } => vec![id],
            Ask::Make { items } => items.iter().map(|(id, _)| id.as_str()).collect(),
            Ask::Finish { .. } => Vec::new(),
        }
    }

    /// Items that it writes.
    pub(super) fn len(&self) -> usize {
        match &self.ask {
            Ask::Put { .. } | Ask::Delete { .. } => 1,
            Ask::Make { items } => items.len(),
            Ask::Finish { items, .. } => items.len(),
        }
    }

    /// What it is about, in words.
    pub(super) fn what(&self, collection: &str) -> String {
        match &self.ask {
            Ask::Put { id, .. } | Ask::Delete { id, .. } => format!("the Item '{id}' of '{collection}'"),
            Ask::Make { .. } | Ask::Finish { .. } => format!("Items of '{collection}'"),
        }
    }
}
