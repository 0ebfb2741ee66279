//! Writes one family of metrics after the other. A family without a value is left out.

use std::fmt;

use prometheus_client::{
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, MetricEncoder,
        NoLabelSet,
    },
    metrics::MetricType,
};

use crate::domain::measure::Distribution;

/// Microseconds of a second.
const MICROSECONDS: f64 = 1e6;

/// Where families go.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

impl Families<'_> {
    /// A number that rises and falls; absent: it is not known.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: Option<impl EncodeGaugeValue>,
    ) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// Numbers that rise and fall, by labels.
    pub(super) fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        let write = |encoder: &mut MetricEncoder<'_>, value: &_| encoder.encode_gauge(value);
        self.family((name, help, MetricType::Gauge), values, write)
    }

    /// A number that only rises; absent: it is not known.
    pub(super) fn counter(
        &mut self,
        name: &str,
        help: &str,
        value: Option<impl EncodeCounterValue>,
    ) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// Numbers that only rise, by labels.
    pub(super) fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let write = |encoder: &mut MetricEncoder<'_>, value: &u64| {
            encoder.encode_counter::<NoLabelSet, _, u64>(value, None)
        };
        self.family((name, help, MetricType::Counter), values, write)
    }

    /// Times in microseconds, in seconds.
    pub(super) fn times(&mut self, name: &str, help: &str, times: &Distribution) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        histogram(&mut encoder, times, MICROSECONDS)
    }

    /// Times in microseconds, in seconds, by labels.
    pub(super) fn times_by<'t, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        times: impl IntoIterator<Item = (L, &'t Distribution)>,
    ) -> fmt::Result {
        let write = |encoder: &mut MetricEncoder<'_>, times: &&Distribution| {
            histogram(encoder, times, MICROSECONDS)
        };
        self.family((name, help, MetricType::Histogram), times, write)
    }

    /// Sizes as they are.
    pub(super) fn sizes(&mut self, name: &str, help: &str, sizes: &Distribution) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        histogram(&mut encoder, sizes, 1.0)
    }

    fn family<L: EncodeLabelSet, V>(
        &mut self,
        (name, help, kind): (&str, &str, MetricType),
        values: impl IntoIterator<Item = (L, V)>,
        write: impl Fn(&mut MetricEncoder<'_>, &V) -> fmt::Result,
    ) -> fmt::Result {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return Ok(());
        }
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            write(&mut encoder.encode_family(&labels)?, &value)?;
        }
        Ok(())
    }
}

/// Buckets as Prometheus has them: the last one takes what lies above all bounds.
#[expect(clippy::cast_precision_loss, reason = "bounds are small, and sums need not be exact")]
fn histogram(encoder: &mut MetricEncoder<'_>, of: &Distribution, unit: f64) -> fmt::Result {
    let bounds = of.bounds.iter().map(|bound| *bound as f64 / unit).chain([f64::MAX]);
    let buckets: Vec<_> = bounds.zip(of.counts.iter().copied()).collect();
    encoder.encode_histogram::<NoLabelSet>(of.sum as f64 / unit, of.count(), &buckets, None)
}
