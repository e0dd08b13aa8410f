//! A connection to one server process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, Pipeline, Value};

use super::address::Address;

/// How long a new connection may take, with everything that is asked before its first use.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);

/// How long an answer may take. Together with [`CONNECT_TIMEOUT`] less than two seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Commands between the callers and the socket. Who comes when it is full waits, within the call's deadline.
const QUEUE: usize = 512;

/// A connection. It never comes back: a broken one is dropped, and its successor may reach another process.
pub(super) struct Link {
    connection: MultiplexedConnection,
    /// Where it leads.
    pub(super) address: Address,
    /// The run of the process at the other end, which does not change while the connection lives. So a script
    /// is told for nothing in which process it runs; `INFO server` in each script would take as long as
    /// everything else that it does.
    pub(super) run: String,
    opened: Instant,
    /// When the last answer came, in milliseconds after `opened`.
    last_answer: AtomicU64,
    broken: AtomicBool,
}

/// A command got no answer: nobody knows whether it was executed.
#[derive(Debug)]
pub(super) struct Lost(pub(super) String);

impl Link {
    /// Connects to a server that is a master.
    pub(super) async fn open(info: &ConnectionInfo, any_role: bool) -> Result<Arc<Self>, String> {
        let mut connection = open(info).await?;
        let mut questions = redis::pipe();
        questions.cmd("INFO").arg("server").cmd("ROLE");
        let answers =
            connection.send_packed_commands(&questions, 0, 2).await.map_err(|error| error.to_string())?;
        let mut answers = answers.into_iter();
        let run =
            run_id(&answers.next().unwrap_or_default()).ok_or("does not say its run_id in INFO server")?;
        if !any_role && !is_master(&answers.next().unwrap_or_default()) {
            return Err("is not a master".to_owned());
        }
        Ok(Arc::new(Self {
            connection,
            address: Address::of(info.addr()),
            run,
            opened: Instant::now(),
            last_answer: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        }))
    }

    /// Whether it is worth a try.
    pub(super) fn usable(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }

    /// Nobody is to use it any more.
    pub(super) fn give_up(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Sends a command. A refusal by the server is an answer, too.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, Lost> {
        let mut connection = self.connection.clone();
        let sent = self.elapsed();
        let answer = connection.send_packed_command(command).await;
        self.note(sent, answer)
    }

    /// Sends several commands and answers for each.
    pub(super) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Lost> {
        let mut connection = self.connection.clone();
        let sent = self.elapsed();
        let answer = connection.send_packed_commands(commands, 0, commands.len()).await;
        self.note(sent, answer)
    }

    /// A slow answer alone does not make a connection bad. Silence since a command was sent does: the server
    /// is stopped or out of reach, and what was sent to it would only pile up.
    fn note<T>(&self, sent: u64, answer: redis::RedisResult<T>) -> Result<T, Lost> {
        match answer {
            Ok(value) => {
                self.last_answer.fetch_max(self.elapsed(), Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => {
                let silent = self.last_answer.load(Ordering::Relaxed) <= sent;
                if silent || !error.is_timeout() {
                    self.give_up();
                }
                Err(Lost(error.to_string()))
            }
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A connection for commands, without knowing what is at the other end.
pub(super) async fn open(info: &ConnectionInfo) -> Result<MultiplexedConnection, String> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT))
        .set_pipeline_buffer_size(QUEUE);
    let client = Client::open(info.clone()).map_err(|error| error.to_string())?;
    client.get_multiplexed_async_connection_with_config(&config).await.map_err(|error| error.to_string())
}

fn run_id(info: &Value) -> Option<String> {
    let Value::BulkString(bytes) = info else { return None };
    let text = String::from_utf8_lossy(bytes);
    let run = text.lines().find_map(|line| line.strip_prefix("run_id:"))?.trim().to_owned();
    (!run.is_empty()).then_some(run)
}

fn is_master(role: &Value) -> bool {
    let Value::Array(items) = role else { return false };
    items.first() == Some(&Value::BulkString(b"master".to_vec()))
}
