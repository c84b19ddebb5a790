//! The judge's end of all flow outputs, which come and go while it judges.

use std::sync::mpsc::{Receiver, Sender, channel};

use crate::deliver::{FlowQueue, Output};
use crate::detect::Judged;

/// What is to happen to the queue of a flow output.
pub(super) enum QueueOrder {
    /// In place of the one of that name.
    Begin(String, FlowQueue),
    End(String),
}

/// The queues of all flow outputs; changes are followed between two batches.
pub(in crate::run) struct FlowQueues {
    list: Vec<(String, FlowQueue)>,
    orders: Receiver<QueueOrder>,
}

impl FlowQueues {
    pub(super) fn new() -> (FlowQueues, Sender<QueueOrder>) {
        let (sender, orders) = channel();
        (FlowQueues { list: Vec::new(), orders }, sender)
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn follow_all(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            let (QueueOrder::Begin(ended, _) | QueueOrder::End(ended)) = &order;
            // Dropping a queue hands over what is left in it, and ends its delivery after that.
            self.list.retain(|(name, _)| name != ended);
            if let QueueOrder::Begin(name, queue) = order {
                self.list.push((name, queue));
            }
        }
    }
}

impl Output for FlowQueues {
    fn takes_flows(&self) -> bool {
        !self.list.is_empty()
    }

    fn flow(&mut self, judged: &Judged<'_>) {
        self.list.iter_mut().for_each(|(_, queue)| queue.flow(judged));
    }

    fn flush(&mut self) {
        self.follow_all();
        self.list.iter_mut().for_each(|(_, queue)| queue.flush());
    }

    fn is_abandoned(&self) -> bool {
        !self.list.is_empty() && self.list.iter().all(|(_, queue)| queue.is_abandoned())
    }
}
