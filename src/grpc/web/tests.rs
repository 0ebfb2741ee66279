use super::*;
use crate::grpc::deadline::FIELD_BYTES;

fn request(version: Version, method: Method, content: &str) -> HttpRequest {
    let request = http::Request::builder().version(version).method(method);
    request.header(header::CONTENT_TYPE, content).body(Body::empty()).unwrap()
}

/// Every method that is served, as its path.
fn methods() -> Vec<String> {
    let pool = prost_reflect::DescriptorPool::decode(crate::domain::proto::DESCRIPTORS).unwrap();
    let path = |method: prost_reflect::MethodDescriptor| {
        format!("/{}/{}", method.parent_service().full_name(), method.name())
    };
    let services: Vec<_> = pool.services().collect();
    services.iter().flat_map(|service| service.methods().map(path).collect::<Vec<_>>()).collect()
}

#[test]
fn the_methods_that_write_are_these() {
    let expected = [
        "AppendStream",
        "Append",
        "AttributeRole",
        "ClaimSuperlative",
        "ConfirmClaim",
        "Consume",
        "CorrectClaim",
        "CreateGroup",
        "DeleteGroup",
        "DescribeBackup",
        "DisputeClaim",
        "FetchPiece",
        "PreferClaim",
        "RebuildProjection",
        "RecordStatement",
        "RecordTotal",
        "RecordTransfer",
        "RegisterSource",
        "ReplayParked",
        "ReportDetention",
        "ReportExchange",
        "RetractClaim",
        "Verify",
    ];
    let methods = methods();
    let writing = methods.iter().filter(|path| !reads(path));
    let mut writing: Vec<&str> = writing.filter_map(|path| path.rsplit('/').next()).collect();
    let mut expected = expected.to_vec();
    writing.sort_unstable();
    expected.sort_unstable();
    assert_eq!(writing, expected);
    for path in ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"] {
        assert!(reads(path), "{path}");
    }
    assert!(reads("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"));
    for path in ["", "/", "/x/Readmit", "/x/Getaway", "/Get/Append", "/x/Append/"] {
        assert!(!reads(path), "{path}");
    }
}

#[test]
fn an_origin_is_a_scheme_and_a_host() {
    let good = ["https://desk.example", "http://localhost:8080", "http://[::1]:7", "*"];
    assert!(Origins::parse(&good).unwrap().any);
    for bad in [
        "",
        "desk.example",
        "https://",
        "https://desk.example/",
        "https://Desk.example",
        "ftp://desk.example",
        "https://a@desk.example",
        "null",
        "https://a b",
    ] {
        assert!(Origins::parse(&[bad]).is_err(), "{bad}");
    }
}

#[test]
fn any_page_may_read_and_only_those_that_are_named_may_write() {
    let named = HeaderValue::from_static("https://desk.example");
    let other = HeaderValue::from_static("https://other.example");
    let origins = Origins::parse(&["https://desk.example"]).unwrap();
    let (append, read) = ("/x/Append", "/x/Read");
    assert!(origins.allow(&named, append) && origins.allow(&other, read));
    assert!(!origins.allow(&other, append));
    assert!(!origins.allow(&HeaderValue::from_static("null"), append));
    assert!(!Origins::default().allow(&named, append));
    assert!(Origins::parse(&["*"]).unwrap().allow(&other, append));
}

#[test]
fn a_request_is_a_call_by_its_content_type_and_version() {
    let sort = |version, content| Sort::of(&request(version, Method::POST, content));
    for content in ["application/grpc", "application/grpc+proto", "application/grpc;x=y"] {
        assert_eq!(sort(Version::HTTP_2, content), Sort::Native, "{content}");
        assert_eq!(sort(Version::HTTP_11, content), Sort::Other, "{content}");
    }
    for content in ["application/grpc-web", "application/grpc-web-text+proto"] {
        assert_eq!(sort(Version::HTTP_2, content), Sort::Web, "{content}");
        assert_eq!(sort(Version::HTTP_11, content), Sort::Web, "{content}");
    }
    for content in ["", "text/plain", "application/grpc-web+json", "application/grpc-other"] {
        assert_eq!(sort(Version::HTTP_2, content), Sort::Other, "{content}");
    }
}

#[test]
fn what_is_no_call_is_answered_at_once() {
    let status = |method, path: &str| {
        let mut request = request(Version::HTTP_11, method, "text/plain");
        *request.uri_mut() = path.parse().unwrap();
        Sort::of(&request).refused(&request).map(|(status, _)| status.as_u16())
    };
    assert_eq!(status(Method::GET, "/"), Some(200));
    assert_eq!(status(Method::HEAD, "/"), Some(200));
    assert_eq!(status(Method::GET, "/favicon.ico"), Some(404));
    assert_eq!(status(Method::POST, "/x/Append"), Some(415));
    assert_eq!(status(Method::OPTIONS, "/x/Append"), None);
}

#[test]
fn the_headers_of_what_is_no_call_have_the_bound_that_calls_have() {
    let header = |length: usize| {
        let mut request = request(Version::HTTP_11, Method::GET, "text/plain");
        let rest = length - header_bytes(&request) - "x".len() - FIELD_BYTES;
        request.headers_mut().insert("x", HeaderValue::from_str(&"y".repeat(rest)).unwrap());
        assert_eq!(header_bytes(&request), length);
        Sort::of(&request).refused(&request).map(|(status, _)| status.as_u16())
    };
    let bound = limits::HEADER_BYTES;
    assert_eq!((header(bound), header(bound + 1)), (Some(200), Some(431)));
}
