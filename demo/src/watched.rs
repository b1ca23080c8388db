//! What must not change while the server is operated on: process, data, connections.

use crate::Failure;
use crate::resp::{Client, Reply, request};

/// Keys are written and read in batches of this.
const BATCH: usize = 1000;

/// Connections with a state of their own, and what the server was like in the beginning.
pub(crate) struct Watched {
    keys: usize,
    connections: Vec<(String, Client)>,
    subscriber: Client,
    process: Process,
    /// How long the server had been up in the beginning, in seconds.
    uptime_s: u64,
}

/// What tells one run of a server from another.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    process_id: String,
    run_id: String,
}

/// Name of a key.
pub(crate) fn key(number: usize) -> String {
    format!("account:{number}")
}

/// Value of a key.
pub(crate) fn value(number: usize) -> String {
    format!("balance {}", number.wrapping_mul(2_654_435_761) % 1_000_000_007)
}

impl Watched {
    /// Fills the server with `keys` keys and opens connections to it.
    pub(crate) fn begin(port: u16, keys: usize, connections: usize) -> Result<Self, Failure> {
        let mut client = Client::connect(port)?;
        for_batches(
            &mut client,
            keys,
            |number| request(&["SET", &key(number), &value(number)]),
            |_, reply| reply == Reply::Text("OK".to_owned()),
        )?;
        let connections = (0..connections).map(|number| {
            let (name, mut client) = (format!("client-{number}"), Client::connect(port)?);
            client.text(&["CLIENT", "SETNAME", &name])?;
            // A transaction that is open is state of the connection and nowhere else.
            client.text(&["MULTI"])?;
            Ok((name, client))
        });
        let connections = connections.collect::<Result<Vec<_>, Failure>>()?;
        let mut subscriber = Client::connect(port)?;
        subscriber.ask(&["SUBSCRIBE", "news"])?;
        let (process, uptime_s) = process(&mut client)?;
        Ok(Self { keys, connections, subscriber, process, uptime_s })
    }

    /// Checks that all is as it was; gives a sentence for each thing that was checked, and how long the server had been up
    /// in the beginning and is now.
    pub(crate) fn check(mut self, port: u16) -> Result<(Vec<String>, [u64; 2]), Failure> {
        let mut client = Client::connect(port)?;
        let (now, uptime_s) = process(&mut client)?;
        if now != self.process {
            return Err(format!("the process was {:?} and is {now:?}", self.process).into());
        }
        if uptime_s < self.uptime_s {
            return Err(format!("it was up for {} s and is for {uptime_s}", self.uptime_s).into());
        }
        for_batches(
            &mut client,
            self.keys,
            |number| request(&["GET", &key(number)]),
            |number, reply| reply == Reply::Text(value(number)),
        )?;
        for (name, connection) in &mut self.connections {
            connection.text(&["CLIENT", "GETNAME"])?;
            let answer = connection.ask(&["EXEC"])?;
            if answer != Reply::Many(vec![Reply::Text(name.clone())]) {
                return Err(format!("{name}'s transaction was answered {answer:?}").into());
            }
        }
        client.ask(&["PUBLISH", "news", "still here"])?;
        let message = self.subscriber.hear()?;
        if !matches!(&message, Reply::Many(parts) if parts.last() == Some(&Reply::Text("still here".to_owned())))
        {
            return Err(format!("the subscriber heard {message:?}").into());
        }
        let sentences = vec![
            format!(
                "the same process: pid {}, run id {}, up for {} s then and {uptime_s} s now",
                now.process_id,
                &now.run_id[..8.min(now.run_id.len())],
                self.uptime_s
            ),
            format!("the same data: {} keys read back", self.keys),
            format!(
                "the same connections: {} with a transaction open all the time, one subscribed",
                self.connections.len()
            ),
        ];
        Ok((sentences, [self.uptime_s, uptime_s]))
    }
}

/// Which run of a server it is, and for how many seconds.
fn process(client: &mut Client) -> Result<(Process, u64), Failure> {
    let info = client.text(&["INFO", "server"])?;
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::to_owned).ok_or_else(|| format!("INFO has no {name}"))
    };
    let process = Process { process_id: field("process_id")?, run_id: field("run_id")? };
    Ok((process, field("uptime_in_seconds")?.parse()?))
}

fn for_batches(
    client: &mut Client,
    keys: usize,
    ask: impl Fn(usize) -> Vec<u8>,
    is_right: impl Fn(usize, Reply) -> bool,
) -> Result<(), Failure> {
    for first in (0..keys).step_by(BATCH) {
        let batch = first..keys.min(first + BATCH);
        let requests: Vec<u8> = batch.clone().flat_map(&ask).collect();
        client.send(&requests)?;
        for number in batch {
            let reply = client.hear()?;
            if !is_right(number, reply.clone()) {
                return Err(format!("{} was answered {reply:?}", key(number)).into());
            }
        }
    }
    Ok(())
}
