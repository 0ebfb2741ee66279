//! `handover status`: prints how a server is, once or live.

mod rows;
mod shown;

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use crate::{
    cli::{
        exit::{Exit, Failure},
        interruption::until_interrupted,
        json,
        output::{self, AnswerArgs, Output},
        resuming,
    },
    client::ClientErrorKind,
    domain::proto::{GetStatusRequest, GetStatusResponse},
    grpc::client::{Client, ClientError},
};

/// What has a terminal begin again at its first line, and erase what stands below.
const FIRST_LINE: &str = "\x1b[H\x1b[J";

/// The arguments of `status`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Print the status again and again; a terminal shows the last one
    #[arg(long)]
    watch: bool,
    /// With --watch: seconds between two looks, from 1 to 3600
    #[arg(long, value_name = "SECONDS", default_value = "2", requires = "watch",
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    interval: u32,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// Prints the status.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let (output, client) = args.answer.connect().await?;
    if !args.watch {
        return print(&client.server_status(GetStatusRequest {}).await?, output, "");
    }
    let rest = Duration::from_secs(args.interval.into());
    until_interrupted(watch(&client, output, rest)).await
}

/// Looks again and again, also while the server is away. A failure that lasts ends it.
async fn watch(client: &Client, output: Output, rest: Duration) -> Result<Exit, Failure> {
    let redrawn = output == Output::Table && io::stdout().is_terminal();
    let (before, mut away) = (if redrawn { FIRST_LINE } else { "" }, false);
    loop {
        match client.server_status(GetStatusRequest {}).await {
            Ok(status) => {
                print(&status, output, before)?;
                away = false;
            }
            Err(error) if is_passing(&error) => {
                if !std::mem::replace(&mut away, true) {
                    resuming::waits(&error)?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(rest).await;
    }
}

fn is_passing(error: &ClientError) -> bool {
    error.kind == ClientErrorKind::Unavailable
}

fn print(status: &GetStatusResponse, output: Output, before: &str) -> Result<Exit, Failure> {
    let text = match output {
        Output::Table => shown::table(status),
        Output::Json => format!("{:#}\n", json::of_message(status)?),
        Output::Jsonl => format!("{}\n", json::of_message(status)?),
        Output::Csv => output::table(&rows::COLUMNS, rows::of(status))?,
    };
    let mut out = io::stdout().lock();
    out.write_all(before.as_bytes())?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}
