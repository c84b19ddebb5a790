//! The command line as scripts and tired people use it: exit statuses, messages, where output goes.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "cli/answers.rs"]
mod answers;
#[path = "cli/inputs.rs"]
mod inputs;
#[path = "cli/kit.rs"]
mod kit;
#[path = "cli/outputs.rs"]
mod outputs;
#[path = "cli/status.rs"]
mod status;
