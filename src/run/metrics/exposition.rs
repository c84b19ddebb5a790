//! The status as OpenMetrics text.
//!
//! The families are rows of tables (see `families.rs`); each reads its figure out of one snapshot, so that the figures of
//! a scrape belong together.

use std::fmt::{Error, Write as _};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelValue, LabelValueEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::super::status::{Histogram, Status};
use super::families::{self, Figure, Measure, Row};

/// What `/metrics` gives for this status, posted `age` ago.
pub(super) fn text(status: &Arc<Status>, age: Duration) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("borderflow");
    registry.register_collector(Box::new(Snapshot { status: Arc::clone(status), age }));
    let mut text = String::with_capacity(32 << 10);
    encode(&mut text, &registry)?;
    Ok(text)
}

/// A status and how old it is.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) status: Arc<Status>,
    pub(super) age: Duration,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let encoder = &mut encoder;
        let status = &*self.status;
        let version = [("version", Escaped(&status.version))];
        encoder.encode_descriptor("build", "The program", None, MetricType::Info)?.encode_info(&version)?;
        families(encoder, families::DAEMON, &[(vec![], self)])?;
        let interfaces = status.interfaces.iter();
        let interfaces: Vec<_> = interfaces.map(|one| (vec![("interface", one.name.clone())], one)).collect();
        families(encoder, families::INTERFACE, &interfaces)?;
        let handles = status.interfaces.iter().flat_map(|one| one.handles.iter().map(move |handle| (one, handle)));
        let of_handle = |name: &str, shard: u16| vec![("interface", name.to_owned()), ("shard", shard.to_string())];
        let handles: Vec<_> = handles.map(|(one, handle)| (of_handle(&one.name, handle.shard), handle)).collect();
        families(encoder, families::HANDLE, &handles)?;
        let shards = status.shards.iter();
        let shards: Vec<_> = shards.map(|one| (vec![("shard", one.number.to_string())], one)).collect();
        families(encoder, families::SHARD, &shards)?;
        families(encoder, families::JUDGE, &[(vec![], &status.judge)])?;
        families(encoder, families::JOURNAL, &[(vec![], &status.journal)])?;
        let outputs: Vec<_> = status.outputs.iter().map(|one| (vec![("output", one.name.clone())], one)).collect();
        families(encoder, families::OUTPUT, &outputs)?;
        let databases: Vec<_> =
            status.databases.iter().map(|one| (vec![("role", one.role.to_lowercase())], one)).collect();
        families(encoder, families::DATABASE, &databases)?;
        let timings = &status.timings;
        histogram(encoder, "decode", families::DECODE_HELP, &timings.decode)?;
        histogram(encoder, "lookup", families::LOOKUP_HELP, &timings.lookup)?;
        histogram(encoder, "alert_delay", families::ALERT_DELAY_HELP, &timings.alert_delay)
    }
}

type Labels = Vec<(&'static str, String)>;

/// Writes each family of the table with a sample for each of these things.
fn families<T>(encoder: &mut DescriptorEncoder<'_>, rows: &[Row<T>], things: &[(Labels, &T)]) -> Result<(), Error> {
    for row in rows {
        let unit = match row.measure {
            Measure::Number => None,
            Measure::Bytes => Some(&Unit::Bytes),
            Measure::Seconds => Some(&Unit::Seconds),
        };
        let kind = match row.figure {
            Figure::Count(_) | Figure::CountBy(..) => MetricType::Counter,
            Figure::Level(_) => MetricType::Gauge,
        };
        let mut metric = encoder.encode_descriptor(row.name, row.help, unit, kind)?;
        for (labels, thing) in things {
            match row.figure {
                Figure::Count(of) => count(&mut metric, labels, of(thing))?,
                Figure::Level(of) => labelled(&mut metric, labels, |metric| metric.encode_gauge(&of(thing)))?,
                Figure::CountBy(label, of) => {
                    for (value, number) in of(thing) {
                        let mut labels = labels.clone();
                        labels.push((label, value.to_owned()));
                        count(&mut metric, &labels, number)?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn count(metric: &mut MetricEncoder<'_>, labels: &Labels, number: u64) -> Result<(), Error> {
    labelled(metric, labels, |metric| metric.encode_counter::<NoLabelSet, u64, f64>(&number, None))
}

fn labelled(
    metric: &mut MetricEncoder<'_>,
    labels: &Labels,
    write: impl FnOnce(&mut MetricEncoder<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    if labels.is_empty() {
        return write(metric);
    }
    let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, Escaped(value))).collect();
    write(&mut metric.encode_family(&labels)?)
}

fn histogram(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, histogram: &Histogram) -> Result<(), Error> {
    // The library writes the largest number as +Inf.
    let bound = |bound: Option<Duration>| bound.map_or(f64::MAX, |bound| bound.as_secs_f64());
    let buckets: Vec<_> = histogram.buckets().map(|(up_to, count)| (bound(up_to), count)).collect();
    let mut metric = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(histogram.sum().as_secs_f64(), histogram.count(), &buckets, None)
}

/// The value of a label; prometheus-client 0.24 writes values as they are, so a quote in a name would end it.
#[derive(Debug)]
struct Escaped<'a>(&'a str);

impl EncodeLabelValue for Escaped<'_> {
    /// OpenMetrics 1.0, `label-value` of the ABNF.
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), Error> {
        self.0.chars().try_for_each(|c| match c {
            '\\' => encoder.write_str("\\\\"),
            '"' => encoder.write_str("\\\""),
            '\n' => encoder.write_str("\\n"),
            c => encoder.write_char(c),
        })
    }
}
