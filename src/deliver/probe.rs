//! One test alert through one output, and what the other side said to it.

use std::time::Duration;

use tokio::time::timeout;

use super::message::Message;
use super::{Answer, Context, Entry, Target, Transport, Trouble, notice};
use crate::encode::Format;
use crate::encode::ecs::{Notice, NoticeKind};

/// How long the other side may take; an indexer's acknowledgement takes minutes.
const MOST: Duration = Duration::from_secs(300);
/// How long a stream is watched afterwards for a peer that leaves.
const WATCHED: Duration = Duration::from_millis(500);

/// How a test alert fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Identity of the test alert, to look for on the other side.
    pub id: String,
    /// Bytes of the record.
    pub bytes: usize,
    /// What the other side said.
    pub said: String,
}

/// Sends one test alert to `target` and waits for the answer. It tries once.
///
/// # Errors
/// Why it is not delivered, in words.
pub fn probe(target: &Target, format: Format, context: &Context) -> Result<Probed, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the system refuses a runtime: {error}"))?;
    let _inside = runtime.enter();
    let mut transport = target.open(context).map_err(|error| error.to_string())?;
    let entry = entry(context);
    let message = Message::of(&entry, format, transport.limits().message_bytes)?;
    let bytes = message.bytes.len();
    let sent = runtime.block_on(async {
        match timeout(MOST, send(&mut *transport, &message)).await {
            Ok(sent) => sent,
            Err(_) => Err(format!("no answer within {} s", MOST.as_secs())),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(Probed { id: entry.id, bytes, said: sent? })
}

async fn send(transport: &mut dyn Transport, message: &Message) -> Result<String, String> {
    let Answer { refused, again, reason, said, .. } =
        transport.send(std::slice::from_ref(message)).await.map_err(|trouble| match trouble {
            Trouble::Later { problem, .. } => problem,
            Trouble::Refused { reason } => format!("refused: {reason}"),
        })?;
    if let Some((_, why)) = refused.first() {
        return Err(format!("refused: {why}"));
    }
    if !again.is_empty() {
        return Err(reason);
    }
    if let Ok(lost) = timeout(WATCHED, transport.idle()).await {
        return Err(format!("written, then {lost}"));
    }
    transport.close().await;
    Ok(said)
}

/// A test alert: severity 0, `rule.id` test.
fn entry(context: &Context) -> Entry {
    let at = (context.clock)();
    let message = format!("Borderflow test alert from {}: nothing happened, this output works", context.hostname);
    let id = format!("test-{}", at.as_nanos());
    notice::entry(&Notice { id, kind: NoticeKind::Test, at, severity: 0, message })
}
