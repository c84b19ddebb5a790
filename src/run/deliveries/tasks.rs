//! What runs on the outputs' thread: a task for each output, begun and ended while the others go on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::error;

use crate::deliver::{Delivery, Feed, FlowDelivery};

/// How long an output that is to end is given for what is under way, and one of flow records for what is queued.
const ENDING: Duration = Duration::from_secs(1);
const DRAINING: Duration = Duration::from_secs(5);

/// What an output does.
pub(super) enum Work {
    Alerts(Box<Delivery<Feed>>),
    Flows(Box<FlowDelivery>),
}

/// One output at work.
pub(super) struct Job {
    pub(super) name: String,
    /// What it writes to, which no other output may write to meanwhile.
    pub(super) file: Option<PathBuf>,
    pub(super) work: Work,
}

/// What is to happen.
pub(super) enum Order {
    /// Begins as soon as the job of the same name or file has ended.
    Begin(Job),
    /// By its name.
    End(String),
    /// Nothing more is ordered.
    Finish,
}

/// A job that runs.
struct Running {
    name: String,
    file: Option<PathBuf>,
    stop: watch::Sender<bool>,
}

/// The jobs that run, and those that wait for one of them.
pub(super) struct Tasks {
    deadline: watch::Receiver<bool>,
    tasks: JoinSet<()>,
    running: HashMap<Id, Running>,
    waiting: Vec<Job>,
}

impl Tasks {
    pub(super) fn new(deadline: watch::Receiver<bool>) -> Tasks {
        Tasks { deadline, tasks: JoinSet::new(), running: HashMap::new(), waiting: Vec::new() }
    }

    /// Until nobody orders anything more and every job has ended.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        let mut is_open = true;
        while is_open || !self.tasks.is_empty() {
            tokio::select! {
                order = orders.recv(), if is_open => match order {
                    Some(Order::Finish) | None => is_open = false,
                    Some(order) => self.follow(order),
                },
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.ended(ended),
            }
        }
    }

    fn follow(&mut self, order: Order) {
        match order {
            Order::Begin(job) if self.is_free(&job) => self.begin(job),
            Order::Begin(job) => self.waiting.push(job),
            Order::Finish => {}
            Order::End(name) => {
                self.waiting.retain(|job| job.name != name);
                for running in self.running.values().filter(|running| running.name == name) {
                    let _ = running.stop.send(true);
                }
            }
        }
    }

    fn is_free(&self, job: &Job) -> bool {
        let is_same_file = |file: &Option<PathBuf>| file.is_some() && *file == job.file;
        !self.running.values().any(|running| running.name == job.name || is_same_file(&running.file))
    }

    fn begin(&mut self, job: Job) {
        let (stop, stopped) = watch::channel(false);
        let deadline = self.deadline.clone();
        let handle = match job.work {
            Work::Alerts(delivery) => self.tasks.spawn(async move {
                delivery.run(time_is_up(deadline, stopped, ENDING)).await;
            }),
            Work::Flows(delivery) => self.tasks.spawn(async move {
                delivery.run(time_is_up(deadline, stopped, DRAINING)).await;
            }),
        };
        self.running.insert(handle.id(), Running { name: job.name, file: job.file, stop });
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(panicked) => {
                error!("an output failed: {panicked}");
                panicked.id()
            }
        };
        self.running.remove(&id);
        for job in std::mem::take(&mut self.waiting) {
            self.follow(Order::Begin(job));
        }
    }
}

/// When an output must end: with all of them, or a while after it alone was told to.
async fn time_is_up(mut deadline: watch::Receiver<bool>, mut stopped: watch::Receiver<bool>, grace: Duration) {
    let stopped = async {
        if stopped.wait_for(|is_stopped| *is_stopped).await.is_ok() {
            tokio::time::sleep(grace).await;
        }
    };
    tokio::select! {
        // Whoever could say so being gone means the same.
        _ = deadline.wait_for(|is_up| *is_up) => {}
        () = stopped => {}
    }
}

impl Job {
    pub(super) fn alerts(name: &str, file: Option<&Path>, delivery: Delivery<Feed>) -> Job {
        Job { name: name.to_owned(), file: file.map(Path::to_owned), work: Work::Alerts(Box::new(delivery)) }
    }

    pub(super) fn flows(name: &str, file: Option<&Path>, delivery: FlowDelivery) -> Job {
        Job { name: name.to_owned(), file: file.map(Path::to_owned), work: Work::Flows(Box::new(delivery)) }
    }
}
