//! Prints how many each country received, from a server that is running.

#![expect(clippy::print_stdout, reason = "an example prints")]

use handover::{domain::proto::GetCountryCountsRequest, grpc::client::Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("http://127.0.0.1:50051".into());
    let client = Client::connect(&address).await?;
    let mut request = GetCountryCountsRequest::default();
    loop {
        let page = client.country_counts(request.clone()).await?;
        for row in page.counts {
            if let Some(number) = row.received.and_then(|figure| figure.preferred) {
                println!("{} received {number}", row.country);
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}
