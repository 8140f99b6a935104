//! Lines as upstream's daemon writes them, because supervisors and test suites wait for some of them.

use std::fmt;
use std::io;
use std::time::SystemTime;

use jiff::Timestamp;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// Where upstream's own lines go.
macro_rules! line {
    ($level:ident, $($text:tt)*) => { tracing::$level!(target: "gssproxy", $($text)*) };
}
pub(super) use line;

/// How much is logged, which a reload may change.
#[derive(Debug)]
pub(super) struct Log {
    filter: reload::Handle<Targets, Registry>,
    level: i32,
}

impl Log {
    /// Begins to log on standard error.
    pub(super) fn begin(level: i32) -> Self {
        let (filter, handle) = reload::Layer::new(targets(level));
        let lines = tracing_subscriber::fmt::layer()
            .event_format(Lines)
            .with_ansi(false)
            .with_writer(io::stderr);
        let _already_set = tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .try_init();
        let log = Self {
            filter: handle,
            level,
        };
        log.announce();
        log
    }

    /// Goes on with another level.
    pub(super) fn set(&mut self, level: i32) {
        if self.level != level {
            self.level = level;
            let _gone = self.filter.reload(targets(level));
            self.announce();
        }
    }

    fn announce(&self) {
        line!(info, "Debug Level changed to {}", self.level);
    }
}

fn targets(level: i32) -> Targets {
    let level = match level {
        ..=0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        3.. => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets(["gssproxy", "kerb", "kerbstone"].map(|ours| (ours, level)))
}

/// `[2026/11/22 15:04:05]: text`, in UTC.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
        write!(writer, "[{}]: ", now.strftime("%Y/%m/%d %H:%M:%S"))?;
        match *event.metadata().level() {
            Level::ERROR => write!(writer, "error: ")?,
            Level::WARN => write!(writer, "warning: ")?,
            _ => {}
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
