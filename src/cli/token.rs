//! `handover token`: the tokens by which clients log in. They are kept in a file that the server
//! reads again when it changes.

mod file;
mod list;

use std::io::{self, Write as _};

use rand::{TryRngCore as _, rngs::OsRng};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use self::file::FileArgs;
use crate::{
    cli::exit::{self, Exit, Failure},
    domain::access::{Categories, Role, Token, TokenHash, token_from},
    grpc::access::{AccessError, TokenFile},
};

/// What `token` can do.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Make a token and print it, this once
    #[command(after_help = exit::HELP)]
    Create(CreateArgs),
    /// Print which tokens there are
    #[command(after_help = exit::HELP)]
    List(list::Args),
    /// Revoke a token: the server refuses it from then on, and ends its streams
    #[command(after_help = exit::HELP)]
    Revoke(RevokeArgs),
}

/// Arguments of `create`.
#[derive(Clone, Debug, clap::Args)]
pub struct CreateArgs {
    /// Name of the token, which is recorded with its events unless the policy names an identity
    #[arg(long)]
    name: String,
    /// What it is for: reader, recorder, curator or operator; may be given several times. Without
    /// one, it has what the policy grants to its name
    #[arg(long = "role", value_name = "ROLE", value_parser = role, value_delimiter = ',')]
    roles: Vec<Role>,
    /// Category of streams that it is limited to; may be given several times [default: all]
    #[arg(long = "category", value_name = "CATEGORY", value_delimiter = ',')]
    categories: Vec<String>,
    /// When it expires: 90d, 12h, a time as 2027-01-31T12:00:00Z, or never
    #[arg(long, default_value = "90d", value_name = "WHEN", value_parser = expires)]
    expires: Expires,
    #[command(flatten)]
    file: FileArgs,
}

/// Arguments of `revoke`.
#[derive(Clone, Debug, clap::Args)]
pub struct RevokeArgs {
    /// Name of the token
    name: String,
    #[command(flatten)]
    file: FileArgs,
}

/// When a token expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expires {
    After(Duration),
    At(OffsetDateTime),
    Never,
}

impl Expires {
    fn from(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::After(time) => now.checked_add(time),
            Self::At(time) => Some(time),
            Self::Never => None,
        }
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        Self::usage(error.to_string())
    }
}

/// Runs the command.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(args) => create(args),
        Command::List(args) => list::run(args),
        Command::Revoke(args) => revoke(args),
    }
}

fn create(args: &CreateArgs) -> Result<Exit, Failure> {
    let now = now();
    let (secret, token) = made(args, now)?;
    let shown = list::shown(&token, now);
    let file = TokenFile::open(&args.file.tokens)?;
    let before = file.tokens()?;
    let mut tokens = before.clone();
    tokens.add(token, now).map_err(|error| Failure::usage(error.to_string()))?;
    file.write(&tokens)?;
    if let Err(error) = writeln!(io::stdout(), "{secret}") {
        // A token that was not printed would stay valid, and could not be used.
        file.write(&before)?;
        let problem = format!("the token could not be printed, so it was not made: {error}");
        return Err(Failure::new(Exit::Failed, problem));
    }
    let roles = if shown.roles.is_empty() { "what the policy grants" } else { &shown.roles };
    // If standard error is closed, the token is made all the same.
    let _ = writeln!(
        io::stderr(),
        "{}: {roles}, {}, until {}; the token is printed this once",
        shown.name,
        shown.categories,
        shown.expires
    );
    Ok(Exit::Done)
}

fn made(args: &CreateArgs, now: OffsetDateTime) -> Result<(String, Token), Failure> {
    let expires = args.expires.from(now);
    if expires.is_some_and(|at| at <= now) {
        return Err(Failure::usage("--expires: that time has passed"));
    }
    let categories = match &args.categories[..] {
        [] => Categories::All,
        some => Categories::only(some)
            .map_err(|problem| Failure::usage(format!("--category: {problem}")))?,
    };
    if args.roles.is_empty() && categories != Categories::All {
        return Err(Failure::usage("--category: it limits roles, so give --role as well"));
    }
    let mut random = [0; 32];
    OsRng
        .try_fill_bytes(&mut random)
        .map_err(|error| Failure::new(Exit::Failed, format!("no randomness: {error}")))?;
    let secret = token_from(&random);
    let token = Token {
        name: args.name.clone(),
        hash: TokenHash::of(&secret),
        roles: args.roles.clone(),
        categories,
        created: now,
        expires,
        revoked: None,
    };
    Ok((secret, token))
}

fn revoke(args: &RevokeArgs) -> Result<Exit, Failure> {
    let file = TokenFile::open(&args.file.tokens)?;
    let mut tokens = file.tokens()?;
    let revoked = tokens.revoke(&args.name, now());
    let is_new = revoked.map_err(|error| Failure::new(Exit::NotFound, error.to_string()))?;
    if is_new {
        file.write(&tokens)?;
    }
    let said = if is_new { "is revoked" } else { "was revoked before" };
    writeln!(io::stdout(), "{} {said}", args.name)?;
    Ok(Exit::Done)
}

/// The time, in whole seconds: that is what the file shows.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}

fn role(text: &str) -> Result<Role, String> {
    let found = Role::ALL.into_iter().find(|role| role.name() == text);
    found.ok_or_else(|| "it must be reader, recorder, curator or operator".to_owned())
}

fn expires(text: &str) -> Result<Expires, String> {
    let problem =
        || "it must be as 90d or 12h, a time as 2027-01-31T12:00:00Z, or never".to_owned();
    if text == "never" {
        return Ok(Expires::Never);
    }
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(Expires::At(time));
    }
    let unit: fn(i64) -> Duration = match text.chars().last() {
        Some('d') => Duration::days,
        Some('h') => Duration::hours,
        _ => return Err(problem()),
    };
    let number = text.get(..text.len() - 1).and_then(|digits| digits.parse::<u16>().ok());
    let number = number.filter(|number| *number > 0).ok_or_else(problem)?;
    Ok(Expires::After(unit(number.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_from_now_or_a_moment_or_never() {
        assert_eq!(expires("90d"), Ok(Expires::After(Duration::days(90))));
        assert_eq!(expires("12h"), Ok(Expires::After(Duration::hours(12))));
        assert_eq!(expires("never"), Ok(Expires::Never));
        let at = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        assert_eq!(expires("2027-01-15T08:00:00Z"), Ok(Expires::At(at)));
        for bad in ["", "0d", "90", "-1d", "d", "99999d", "90 d", "2027-01-15", "\u{663}d"] {
            assert!(expires(bad).is_err(), "{bad}");
        }
    }
}
