//! Frames of HTTP/2, for clients that send what no library would.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
/// What a client sends before its first frame.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame of HTTP/2 (RFC 9113, section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is small").to_be_bytes();
    let head = [&length[1..], &[kind, flags]].concat();
    [&head[..], &stream.to_be_bytes(), content].concat()
}

/// The headers of a call whose message is still to come.
pub(crate) fn opened(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, 4, stream, &fields(path))
}

/// The fields of such headers, as they are sent.
pub(crate) fn fields(path: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).expect("it is short");
        [&[length], text.as_bytes()].concat()
    };
    // POST, http, and by their numbers in the static table: path, authority, content type.
    let fields = [
        &[0x83, 0x86, 0x04][..],
        &text(path),
        &[0x01],
        &text("localhost"),
        &[0x0f, 0x10],
        &text("application/grpc"),
        &[0x00],
        &text("te"),
        &text("trailers"),
    ];
    fields.concat()
}
