//! Browsers: gRPC-Web on the same port, what pages of other sites may call, and an answer to
//! plain HTTP.
//!
//! A page may come from anywhere, and the browser that runs it may stand where the server can be
//! reached but the page's author cannot: on the operator's own machine, behind a firewall. Where
//! the server has no policy, a client needs nothing but to reach it in order to write. A page of
//! any origin may read what its credentials permit; to write, its origin has to be named by the
//! operator as well. That is checked here and not left to the browser: if a page's host name points
//! at this address, its browser sees no foreign origin.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::Either;
use http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use tonic::body::Body;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, Service, ServiceExt as _};
use tower_http::cors::{self, AllowOrigin, Cors, CorsLayer};

use crate::{
    domain::limits,
    grpc::{
        around::{Answer, HttpRequest, HttpResponse},
        deadline::header_bytes,
    },
};

/// What the names of methods begin with that change nothing. All others write, new ones included.
const READING: [&str; 10] = [
    "Check",
    "Count",
    "Explain",
    "Get",
    "List",
    "Read",
    "Reconcile",
    "ServerReflection",
    "Subscribe",
    "Watch",
];
/// Where an error stands that was found before anything was sent.
const EXPOSED: [HeaderName; 4] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    HeaderName::from_static("grpc-encoding"),
];
/// How long a browser may remember what it is allowed.
const REMEMBERED: Duration = Duration::from_hours(1);
/// The text for a visitor who opens the address.
const WELCOME: &str = "\
This is handover, the public record of prisoner exchanges, as a gRPC server.\n\
Clients call it over HTTP/2, browsers with gRPC-Web; reflection and health are there.\n";
const ONLY_GRPC: &str = "\
Only gRPC calls are accepted: POST with application/grpc over HTTP/2, or with\n\
application/grpc-web or application/grpc-web-text (each with or without +proto).\n";
const NOT_HERE: &str = "Only gRPC is served here; / describes the server.\n";
const FOREIGN: &str = "\
Pages of this origin may read the record but not write to it; the operator lets an origin write\n\
with `handover serve --web-origins`.\n";

/// The origins from which pages may write. Every page may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    any: bool,
    named: Vec<HeaderValue>,
}

impl Origins {
    /// Reads origins as browsers send them (`https://desk.example`, `http://localhost:8080`); `*`
    /// stands for all. The error says what an origin looks like.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, String> {
        let mut origins = Self::default();
        for text in texts {
            match text.as_ref() {
                "*" => origins.any = true,
                text => origins.named.push(origin(text)?),
            }
        }
        Ok(origins)
    }

    fn allow(&self, origin: &HeaderValue, path: &str) -> bool {
        reads(path) || self.any || self.named.contains(origin)
    }
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let problem = || {
        "it must be an origin such as https://desk.example or http://localhost:8080 (lower case, \
         without a path), or * for all"
            .to_owned()
    };
    let (scheme, host) = text.split_once("://").ok_or_else(problem)?;
    let authority: http::uri::Authority = host.parse().map_err(|_| problem())?;
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let plain = matches!(scheme, "http" | "https") && !host.contains('@');
    if lower && plain && !authority.host().is_empty() {
        return HeaderValue::from_str(text).map_err(|_| problem());
    }
    Err(problem())
}

/// Whether the method at this path changes nothing.
fn reads(path: &str) -> bool {
    let method = path.rsplit('/').next().unwrap_or_default();
    READING.iter().filter_map(|verb| method.strip_prefix(verb)).any(|rest| {
        // `Readmit` would not be `Read`.
        !rest.starts_with(|next: char| next.is_ascii_lowercase())
    })
}

/// Lets browsers reach a service.
#[derive(Clone, Debug, Default)]
pub(super) struct WebLayer(pub(super) Origins);

/// A service that browsers reach as well.
#[derive(Clone, Debug)]
pub(super) struct Web<S> {
    calls: S,
    /// Shared, because the transport clones the service for every call, and few come from pages.
    pages: Arc<Pages<S>>,
}

#[derive(Debug)]
struct Pages<S> {
    service: Cors<GrpcWebService<S>>,
    origins: Origins,
}

impl<S: Clone> Layer<S> for WebLayer {
    type Service = Web<S>;

    fn layer(&self, calls: S) -> Web<S> {
        let origins = self.0.clone();
        let allowed = AllowOrigin::predicate(move |origin: &HeaderValue, request: &_| {
            let request: &http::request::Parts = request;
            origins.allow(origin, request.uri.path())
        });
        let cors = CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::POST])
            // The wildcard would leave out `authorization`.
            .allow_headers(cors::AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(REMEMBERED);
        let service = cors.layer(GrpcWebLayer::new().layer(calls.clone()));
        Web { calls, pages: Arc::new(Pages { service, origins: self.0.clone() }) }
    }
}

impl<S> Service<HttpRequest> for Web<S>
where
    S: Service<HttpRequest, Response = HttpResponse> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Either<S::Future, Answer<S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.calls.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let sort = Sort::of(&request);
        let refused = sort.refused(&request).or_else(|| self.foreign(&request));
        if let Some((status, text)) = refused {
            return Either::Right(Box::pin(std::future::ready(Ok(plain(status, text)))));
        }
        match sort {
            Sort::Native => Either::Left(self.calls.call(request)),
            Sort::Web | Sort::Other => {
                Either::Right(Box::pin(self.pages.service.clone().oneshot(request)))
            }
        }
    }
}

impl<S> Web<S> {
    /// The refusal for a page that may not call this. A browser's OPTIONS request passes: headers
    /// answer it.
    fn foreign(&self, request: &HttpRequest) -> Option<(StatusCode, &'static str)> {
        let origin = request.headers().get(header::ORIGIN)?;
        let is_preflight = request.method() == Method::OPTIONS;
        let allowed = is_preflight || self.pages.origins.allow(origin, request.uri().path());
        (!allowed).then_some((StatusCode::FORBIDDEN, FOREIGN))
    }
}

/// What a request is by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// gRPC as it is.
    Native,
    /// gRPC-Web.
    Web,
    /// Plain HTTP.
    Other,
}

impl Sort {
    fn of(request: &HttpRequest) -> Self {
        let content = request.headers().get(header::CONTENT_TYPE);
        let content = content.map_or(b"".as_slice(), HeaderValue::as_bytes);
        let Some(rest) = content.strip_prefix(b"application/grpc") else { return Self::Other };
        match rest {
            b"-web" | b"-web+proto" | b"-web-text" | b"-web-text+proto" => Self::Web,
            [b'-', ..] => Self::Other,
            _ if request.version() == Version::HTTP_2 => Self::Native,
            _ => Self::Other,
        }
    }

    /// What is answered at once, because it is no call or asks too much.
    fn refused(self, request: &HttpRequest) -> Option<(StatusCode, &'static str)> {
        if self != Self::Other {
            return None;
        }
        if header_bytes(request) > limits::HEADER_BYTES {
            let text = "The headers of a request may have 16,384 bytes.\n";
            return Some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
        }
        match (request.method(), request.uri().path()) {
            (&Method::OPTIONS, _) => None,
            (&Method::GET | &Method::HEAD, "/") => Some((StatusCode::OK, WELCOME)),
            (&Method::GET | &Method::HEAD, _) => Some((StatusCode::NOT_FOUND, NOT_HERE)),
            _ => Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, ONLY_GRPC)),
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> HttpResponse {
    let mut response = http::Response::new(Body::new(http_body_util::Full::from(text)));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

#[cfg(test)]
mod tests;
