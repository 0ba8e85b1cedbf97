//! Which answer belongs to which question, for as long as somebody may edit the question.

use crate::chat::MessageRef;
use std::collections::{HashMap, VecDeque};

/// How many are remembered.
const MOST: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Answers {
    answers: HashMap<MessageRef, MessageRef>,
    order: VecDeque<MessageRef>,
}

impl Answers {
    /// Remembers an answer; the oldest is forgotten when there are too many.
    pub(super) fn put(&mut self, question: MessageRef, answer: MessageRef) {
        if self.answers.insert(question.clone(), answer).is_none() {
            self.order.push_back(question);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    /// The answer to a question.
    pub(super) fn get(&self, question: &MessageRef) -> Option<MessageRef> {
        self.answers.get(question).cloned()
    }
}
