//! An acceptor in a process of its own: `interop-acceptor KEYTAB REPLAY-CACHE`.
//!
//! It takes tokens in Base64, one a line, and says for each `accepted NAME` or `refused WHY`.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use base64ct::{Base64, Encoding};
use kerbstone_gss::replay::SharedReplayCache;
use kerbstone_gss::spnego::Acceptor;
use kerbstone_gss::{AcceptorCredential, AcceptorName, Step};
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::time::Timestamp;
use rand::rng;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [keytab, replay_cache] = arguments.as_slice() else {
        return Err("usage: interop-acceptor KEYTAB REPLAY-CACHE".into());
    };
    let keytab = Keytab::parse(&fs::read(keytab)?)?;
    let replay_cache = SharedReplayCache::open(replay_cache, now()?, &mut rng())?;
    let credential = Arc::new(AcceptorCredential::new(
        &keytab,
        AcceptorName::Any,
        Arc::new(replay_cache),
    )?);
    for line in stdin().lock().lines() {
        let token = Base64::decode_vec(&line?).map_err(|error| error.to_string())?;
        let verdict = judge(Arc::clone(&credential), &token)?;
        writeln!(stdout(), "{verdict}")?;
    }
    Ok(())
}

fn judge(credential: Arc<AcceptorCredential>, token: &[u8]) -> Result<String, Box<dyn Error>> {
    Ok(
        match Acceptor::new(credential, None).step(token, now()?, &mut rng()) {
            Ok(Step::Established { context, .. }) => {
                format!("accepted {}", context.initiator_name())
            }
            Ok(Step::Continue { .. }) => "refused for now: it takes more than one token".into(),
            Err(refused) => format!("refused {refused}"),
        },
    )
}

fn now() -> Result<Timestamp, Box<dyn Error>> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_unix_duration(since_1970))
}
