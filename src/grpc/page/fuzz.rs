//! Mutated page tokens, as they are and with a right seal: none makes a page panic.

use super::*;
use crate::fuzz::Fuzz;

fn tokens() -> Tokens {
    Tokens::new([7; 16], None)
}

fn requested(token: &str) -> Result<Page, String> {
    let mut wrong = Violations::default();
    let page_token = token.to_owned();
    let mut request = proto::GetCountHistoryRequest { page_token, ..Default::default() };
    let page = Paging::of(tokens(), &mut request).page(Usual::Few, &mut wrong);
    wrong.into_result(page).map_err(|wrong| wrong.to_string())
}

fn read(input: &[u8]) -> String {
    if let Ok(text) = str::from_utf8(input) {
        assert!(requested(text).is_err() || text.is_empty(), "{text} was not sealed here");
    }
    let mut sealed = input.to_vec();
    sealed.extend(tokens().hash(Hashed::Token, &[input]).to_be_bytes());
    match requested(&URL_SAFE_NO_PAD.encode(sealed)) {
        Err(problem) => problem,
        Ok(page) => {
            let all: Vec<u32> = (0..7).collect();
            let entries = page.of(&all).len();
            let next = page.next(entries, all.len(), 9);
            format!("page {} {}", entries > 0, next.is_empty())
        }
    }
}

#[test]
fn no_page_token_that_was_changed_makes_a_page_panic() {
    let mut request = proto::GetCountHistoryRequest::default();
    let request = Paging::of(tokens(), &mut request).request;
    let seeds = [0, 3, usize::MAX].map(|offset| {
        let begins = Place { offset, parts: offset, name: "demo".into(), ..Place::default() };
        postcard::to_allocvec(&Token { request, at: 9, begins }).unwrap()
    });
    Fuzz::of("page_token", seeds).run(read);
}
