//! The span of a client as the parent of its call's, where spans are exported.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::domain::trace::TraceParent;

/// Continues the trace that a client names. Where it does not sample it, the span is not exported.
pub(super) fn continue_trace(span: &Span, parent: &TraceParent) {
    let ids = (TraceId::from_hex(parent.trace_id()), SpanId::from_hex(parent.span_id()));
    let (Ok(trace), Ok(sent_by)) = ids else { return };
    let flags = TraceFlags::default().with_sampled(parent.is_sampled());
    let parent = SpanContext::new(trace, sent_by, flags, true, TraceState::NONE);
    // It fails where no span is exported.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}
