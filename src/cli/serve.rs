//! `handover serve`: runs the server, after importing the files that the command line names.

mod signals;

use std::{
    fs::File,
    io::{self, BufReader, Write as _},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};

use tokio::net::{TcpListener, lookup_host};

use crate::{
    cli::{
        counts,
        exit::{self, Exit, Failure},
        import::{self, Options, command::Terminal},
        input,
        pages::{self, Limit},
        private::keep_private,
    },
    config::{ServeArgs, Settings, is_reached_by_others},
    domain::proto::GetCountryCountsRequest,
    grpc::{
        access::Access,
        client::{Client, collector},
        protection::Protection,
        tls::ServerTls,
    },
    log::LogError,
    server::{self, Listening},
    telemetry::{self, LogFormat, SpanCounts, Spans},
};

/// Serves until SIGINT or SIGTERM. Environment variables that are named as settings and are none
/// are logged.
pub async fn run(args: ServeArgs, unknown_variables: Vec<String>) -> Result<Exit, Failure> {
    let settings = args.settings();
    let format = args.log_format(settings.as_ref().ok());
    let served = match settings {
        Ok(settings) => serve(args, settings, unknown_variables).await,
        Err(error) => Err(usage(&error)),
    };
    served.map_err(|failure| in_format(failure, format))
}

/// A refusal before the server is run, as it is reported in the format of the log.
pub(super) fn refused(args: &ServeArgs, refusal: Failure) -> Failure {
    in_format(refusal, args.log_format(args.settings().as_ref().ok()))
}

/// Writes a failure as a JSON line if the log has such lines. Its message is written then, and the
/// exit code is left.
fn in_format(failure: Failure, format: LogFormat) -> Failure {
    if format == LogFormat::Text || failure.message.is_empty() {
        return failure;
    }
    telemetry::json_error(&failure.message, failure.exit as u8);
    Failure::new(failure.exit, "")
}

async fn serve(
    args: ServeArgs,
    settings: Settings,
    unknown_variables: Vec<String>,
) -> Result<Exit, Failure> {
    let spans = spans(&settings)?;
    let started = telemetry::start(settings.log.as_ref(), settings.log_format, spans.as_ref());
    started.map_err(|error| usage(&error))?;
    let counts = spans.as_ref().map(Spans::counts);
    let served = serve_with(args, settings, unknown_variables, counts).await;
    if let Some(spans) = spans {
        spans.stop().await;
    }
    served
}

/// What sends spans, if the settings name a collector.
fn spans(settings: &Settings) -> Result<Option<Spans>, Failure> {
    let Some(address) = &settings.otlp_endpoint else { return Ok(None) };
    let exporter = collector::exporter(address.as_ref());
    let exporter = exporter.map_err(|error| Failure::usage(format!("otlp-endpoint: {error}")))?;
    Ok(Some(Spans::new(exporter)))
}

async fn serve_with(
    args: ServeArgs,
    settings: Settings,
    unknown_variables: Vec<String>,
    spans: Option<Arc<SpanCounts>>,
) -> Result<Exit, Failure> {
    // sled's files are among them.
    keep_private();
    for variable in unknown_variables {
        tracing::warn!(variable, "this environment variable is not a setting; it is ignored");
    }
    // A missing file is found before anything is made or listened to.
    let loads = open_all(&args.load)?;
    let listening = Listening { spans, ..listening(&settings).await? };
    signals::handle(&listening.protection)?;
    let stops = signals::stops()?;
    let metrics = listening.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    let announce = |url: &str, shown| announce(url, metrics, shown);
    let load = async |client: Client| load(&client, loads).await.map_err(anyhow::Error::from);
    let served = server::run(settings, listening, load, announce, stops).await;
    served.map_err(|error| ended(&error))?;
    Ok(Exit::Done)
}

/// Refuses what [`run`] would refuse before it listens: wrong settings, files that cannot be read
/// or do not fit, and an address that would expose the record. All that is wrong beside the
/// settings themselves is named at once. It makes nothing and listens to nothing, so it may run
/// beside a server.
pub(super) async fn check(args: &ServeArgs) -> Result<(), Failure> {
    let settings = args.settings().map_err(|error| usage(&error))?;
    let mut failures = vec![open_all(&args.load).err()];
    failures.extend([load_tls(&settings).err(), load_access(&settings).err()]);
    if let Some(address) = &settings.otlp_endpoint {
        let exporter = collector::exporter(address.as_ref());
        let wrong = |error| Failure::usage(format!("otlp-endpoint: {error}"));
        failures.push(exporter.err().map(wrong));
    }
    let listen = settings.listen.as_ref();
    let checked = check_address("listen", listen, |address| settings.check_exposure(address));
    failures.push(checked.await.err());
    if let Some(at) = settings.metrics_listen.as_ref().map(AsRef::as_ref) {
        let exposure = |address| settings.check_exposure_of_metrics(address);
        failures.push(check_address("metrics-listen", at, exposure).await.err());
    }
    together(failures.into_iter().flatten()).map_or(Ok(()), Err)
}

/// All failures as one, with a line for each and the exit code of the first.
fn together(failures: impl IntoIterator<Item = Failure>) -> Option<Failure> {
    failures.into_iter().reduce(|first, next| {
        Failure::new(first.exit, format!("{}\n{}", first.message, next.message))
    })
}

/// Refuses what is no address here, and an address that would expose what it serves.
async fn check_address(
    setting: &str,
    at: &str,
    exposure: impl Fn(SocketAddr) -> anyhow::Result<()>,
) -> Result<(), Failure> {
    let addresses = lookup_host(at).await.map_err(|error| {
        Failure::usage(format!("{setting}: {at} is not an address here: {error}"))
    })?;
    for address in addresses {
        exposure(address).map_err(|error| usage(&error))?;
    }
    Ok(())
}

/// Reads the files of TLS, if the settings name some.
fn load_tls(settings: &Settings) -> Result<Option<ServerTls>, Failure> {
    let files = settings.tls_files().map_err(|error| usage(&error))?;
    let tls = files.map(ServerTls::load).transpose();
    tls.map_err(|error| Failure::usage(error.to_string()))
}

/// Reads the files of access, if the settings name some.
fn load_access(settings: &Settings) -> Result<Option<Access>, Failure> {
    let access = settings.access_files().map(Access::load).transpose();
    access.map_err(|error| Failure::usage(error.to_string()))
}

/// Reads the files of TLS and access, and listens; refuses what would expose the record.
async fn listening(settings: &Settings) -> Result<Listening, Failure> {
    let (tls, access) = (load_tls(settings), load_access(settings));
    let failures = [tls.as_ref().err(), access.as_ref().err()];
    if let Some(failure) = together(failures.into_iter().flatten().cloned()) {
        return Err(failure);
    }
    let (tls, access) = (tls?, access?);
    let listener = TcpListener::bind(settings.listen.as_ref()).await.map_err(|error| {
        let at = settings.listen.as_ref();
        let message = format!("cannot listen on {at}: {error}; --listen chooses another address");
        Failure::new(Exit::Failed, message)
    })?;
    let address = listener.local_addr()?;
    settings.check_exposure(address).map_err(|error| usage(&error))?;
    let metrics = metrics(settings).await?;
    let mut warnings = exposures(address, tls.is_some(), access.is_some());
    if let Some(metrics) = &metrics {
        warnings.extend(exposure_of_metrics(metrics.local_addr()?));
    }
    for warning in &warnings {
        // A filter of the log must not hide it.
        telemetry::unfiltered(settings.log_format, || tracing::warn!("{warning}"));
    }
    let protection = Protection { tls, access, warnings };
    Ok(Listening { listener, protection, metrics, spans: None })
}

/// Listens on the address of metrics, if that is set.
async fn metrics(settings: &Settings) -> Result<Option<TcpListener>, Failure> {
    let Some(at) = settings.metrics_listen.as_ref().map(AsRef::as_ref) else { return Ok(None) };
    let listener = TcpListener::bind(at).await.map_err(|error| {
        let message =
            format!("cannot listen on {at}: {error}; --metrics-listen chooses another address");
        Failure::new(Exit::Failed, message)
    })?;
    let address = listener.local_addr()?;
    settings.check_exposure_of_metrics(address).map_err(|error| usage(&error))?;
    Ok(Some(listener))
}

/// What other machines may do and see, where that is not bounded.
fn exposures(address: SocketAddr, encrypted: bool, controlled: bool) -> Vec<String> {
    if !is_reached_by_others(address) {
        return Vec::new();
    }
    let plain_text = (!encrypted).then(|| {
        format!(
            "other machines can reach {address}, and nothing is encrypted: each machine between \
             can read and change what is sent (--insecure)"
        )
    });
    let open_to_all = (!controlled).then(|| {
        format!(
            "other machines can reach {address}, read, and record: there is no policy that says \
             who may do what (--insecure)"
        )
    });
    plain_text.into_iter().chain(open_to_all).collect()
}

/// What other machines can see of the metrics.
fn exposure_of_metrics(address: SocketAddr) -> Option<String> {
    is_reached_by_others(address)
        .then(|| format!("other machines can read the metrics at {address} (--insecure)"))
}

fn usage(error: &anyhow::Error) -> Failure {
    Failure::usage(exit::with_causes(error))
}

/// Why the server ended: a load that failed has its own code, and so has stored data that is
/// damaged.
fn ended(error: &anyhow::Error) -> Failure {
    let damaged = |cause: &LogError| cause.damage().is_some();
    let exit = match (error.downcast_ref::<Failure>(), error.downcast_ref::<LogError>()) {
        (Some(failure), _) => failure.exit,
        (None, Some(cause)) if damaged(cause) => Exit::Damaged,
        (None, _) => Exit::Failed,
    };
    Failure::new(exit, exit::with_causes(error))
}

fn open_all(paths: &[PathBuf]) -> Result<Vec<(String, File)>, Failure> {
    let open = |path: &PathBuf| {
        let file = input::open_file(path).map_err(|failure| failure.during("--load"))?;
        Ok((input::name(path), file))
    };
    paths.iter().map(open).collect()
}

/// Imports the files; what came of it, with the figures, in lines.
async fn load(client: &Client, loads: Vec<(String, File)>) -> Result<Vec<String>, Failure> {
    let mut shown = Vec::new();
    for (name, file) in loads {
        let mut terminal = Terminal::new(&name);
        let input = BufReader::new(file);
        let imported = import::import(client, input, Options::default(), &mut terminal).await;
        terminal.finish();
        let summary = imported.map_err(|failure| failure.during(&name))?;
        shown.push(format!("{name}: {summary}"));
    }
    if !shown.is_empty() {
        let head = client.get_head(crate::domain::proto::GetHeadRequest::default()).await?;
        let request = GetCountryCountsRequest {
            min_position: head.position,
            ..GetCountryCountsRequest::default()
        };
        let counts = pages::whole(client, &request, Limit::default()).await?;
        shown.push(format!("\n{}\n", counts::table(&counts).trim_end()));
    }
    Ok(shown)
}

/// Prints what was loaded, and the addresses. That of the server comes last, so a reader of it can
/// connect.
fn announce(url: &str, metrics: Option<SocketAddr>, mut shown: Vec<String>) {
    shown.extend(metrics.map(|address| format!("metrics on http://{address}/metrics")));
    shown.push(format!("serving on {url}"));
    // Standard output may be closed; the server serves all the same.
    let _ = writeln!(io::stdout(), "{}", shown.join("\n"));
    let _ = io::stdout().flush();
}
