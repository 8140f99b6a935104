//! One thread, and the connections that it has accepted: each call costs it a wait, a read and a write.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kerbstone_xdr::Opaque;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use zeroize::Zeroizing;

use super::calls::{self, Call, Verdict};
use super::census::{ROOT, Room};
use super::connection::{Connection, Moved, Reply, Stage};
use super::counts::Counts;
use super::door::Door;
use super::framing::{Framed, clear};
use super::mailbox::{Answered, Letter, Mailbox};
use super::peer::Peer;
use super::report::{Connected, LoopReport};
use super::{DaemonError, Shared};
use crate::procedures::Decision;

/// What one read takes: nearly every message whole.
const READ: usize = 64 << 10;
/// Events that one wait brings.
const EVENTS: usize = 64;
/// Connections accepted before others have their turn.
const ACCEPTED_AT_ONCE: usize = 16;
/// How often connections are looked at whose caller has to move on.
const SWEEP: Duration = Duration::from_secs(1);
/// How often idle ones are, at most.
const IDLE_SWEEP: Duration = Duration::from_secs(60);

/// How much time passes at least between two complaints in the log.
const COMPLAINTS: Duration = Duration::from_secs(1);

const WAKE: u64 = u64::MAX;
/// Set in the number of a door, clear in that of a connection.
const DOOR: u64 = 1 << 63;

/// A loop with all that it owns.
#[derive(Debug)]
pub(super) struct EventLoop {
    shared: Arc<Shared>,
    mailbox: Arc<Mailbox>,
    connections: HashMap<u64, Connection>,
    next: u64,
    /// Connections whose caller has to read or write on.
    awaited: HashSet<u64>,
    /// Connections with octets behind the message that was answered.
    ready: VecDeque<u64>,
    counts: Counts,
    complained: Option<Instant>,
    buffer: Box<[u8]>,
    now: Instant,
    swept: Instant,
}

/// The token under which a loop hears of a door.
pub(super) fn door_event(door: &Door) -> EventData {
    EventData::new_u64(DOOR | door.id)
}

/// The set of descriptors that a loop waits for, with its mailbox in it.
pub(super) fn make_epoll(mailbox: &OwnedFd) -> Result<OwnedFd, DaemonError> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, mailbox, EventData::new_u64(WAKE), EventFlags::IN)?;
    Ok(epoll)
}

impl EventLoop {
    pub(super) fn new(shared: Arc<Shared>, mailbox: Arc<Mailbox>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            mailbox,
            connections: HashMap::new(),
            next: 0,
            awaited: HashSet::new(),
            ready: VecDeque::new(),
            counts: Counts::default(),
            complained: None,
            buffer: vec![0; READ].into_boxed_slice(),
            now,
            swept: now,
        }
    }

    /// Serves until told to stop.
    pub(super) fn run(mut self) {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
        loop {
            events.clear();
            let timeout = self.timeout();
            let waited = epoll::wait(
                &self.mailbox.epoll,
                spare_capacity(&mut events),
                timeout.as_ref(),
            );
            if waited.is_err_and(|error| error != rustix::io::Errno::INTR) {
                tracing::error!("an event loop cannot wait for its sockets");
                return;
            }
            self.now = Instant::now();
            for event in &events {
                let (token, flags) = (event.data.u64(), event.flags);
                match token {
                    WAKE if self.read_letters() => return,
                    WAKE => {}
                    door if door & DOOR != 0 => self.accept(door & !DOOR),
                    connection => self.serve(connection, flags),
                }
            }
            for _ in 0..self.ready.len() {
                if let Some(connection) = self.ready.pop_front() {
                    self.go_on(connection);
                }
            }
            self.sweep();
        }
    }

    /// How long the next wait may last: for ever, on a quiet daemon.
    fn timeout(&self) -> Option<Timespec> {
        let pause = if !self.ready.is_empty() {
            Duration::ZERO
        } else if !self.awaited.is_empty() {
            SWEEP
        } else {
            let idle = self.shared.limits.idle?;
            if self.connections.is_empty() {
                return None;
            }
            idle.min(IDLE_SWEEP)
        };
        Timespec::try_from(pause).ok()
    }

    /// Takes new connections in.
    fn accept(&mut self, door: u64) {
        let Some(door) = self.shared.door(door) else {
            return;
        };
        for _ in 0..ACCEPTED_AT_ONCE {
            match door.listener.accept() {
                Ok((stream, _)) => self.welcome(stream, &door),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Without a descriptor to spare, the door would be reported again at once.
                    std::thread::sleep(Duration::from_millis(1));
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, stream: UnixStream, door: &Door) {
        let socket = self.shared.own_socket(door);
        let Ok(mut peer) = Peer::of(&stream, socket) else {
            return;
        };
        self.shared
            .hall()
            .ask(&mut peer, self.shared.doorkeeper.get());
        let uid = peer.caller.uid;
        if !self.make_room(uid) || stream.set_nonblocking(true).is_err() {
            return;
        }
        let id = self.next;
        let event = EventData::new_u64(id);
        if let Err(error) = epoll::add(&self.mailbox.epoll, &stream, event, EventFlags::IN) {
            tracing::warn!(%error, "cannot watch a connection");
            self.shared.census.leave(uid);
            return;
        }
        self.next = self.next.wrapping_add(1) & !DOOR;
        if tracing::enabled!(target: "gssproxy", tracing::Level::INFO) {
            tracing::info!(target: "gssproxy", "{}", peer.greeting(&stream));
        }
        let connection = Connection::new(stream, peer, self.now);
        self.connections.insert(id, connection);
    }

    /// Counts a connection of this uid, in place of an idle one when there are enough.
    fn make_room(&mut self, uid: u32) -> bool {
        let Room::After(greedy) = self.shared.census.enter(uid) else {
            return true;
        };
        let idle = self
            .connections
            .iter()
            .filter(|(_, one)| one.is_idle() && one.peer.caller.uid == greedy && greedy != ROOT)
            .min_by_key(|(_, one)| one.moved)
            .map(|(id, _)| *id);
        let made = idle.is_some_and(|idle| {
            self.close(idle);
            self.shared.census.enter(uid) == Room::Taken
        });
        if !made {
            self.counts.turned_away = self.counts.turned_away.saturating_add(1);
            self.complain(uid, "a connection is turned away: there are too many");
        }
        made
    }

    /// Logs what a caller does too much of, but not as often as it does it.
    fn complain(&mut self, uid: u32, what: &str) {
        let is_due = |last: Instant| self.now.saturating_duration_since(last) >= COMPLAINTS;
        if self.complained.is_none_or(is_due) {
            self.complained = Some(self.now);
            tracing::warn!(uid, "{what}");
        }
    }

    /// Does what a connection is ready for.
    fn serve(&mut self, id: u64, flags: EventFlags) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        match connection.stage {
            Stage::Reading => self.read(id),
            Stage::Writing(_) => self.write(id),
            // Only its end is reported meanwhile.
            Stage::Waiting if flags.intersects(EventFlags::HUP | EventFlags::ERR) => self.close(id),
            Stage::Waiting => {}
        }
    }

    fn read(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        // The loop's buffer is lent out while the message in it is answered.
        let mut buffer = std::mem::take(&mut self.buffer);
        match connection.read(&mut buffer) {
            Moved::Octets(octets) => {
                connection.moved = self.now;
                self.counts.received = self.counts.received.saturating_add(octets as u64);
                self.shared.stir(self.now);
                self.take_in(id, buffer.get(..octets).unwrap_or_default());
                clear(&mut buffer, octets);
            }
            Moved::Blocked => {}
            Moved::Ended => self.close(id),
        }
        self.buffer = buffer;
    }

    /// Goes on with octets that came behind an earlier message.
    fn go_on(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if matches!(connection.stage, Stage::Reading) && !connection.behind.is_empty() {
            let octets = std::mem::take(&mut connection.behind);
            self.take_in(id, &octets);
        }
    }

    /// Looks at octets of a connection, and answers the message that they complete.
    fn take_in(&mut self, id: u64, octets: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        match connection.framing.feed(octets) {
            Framed::Unfinished => self.await_caller(id),
            Framed::Here { message, rest } => {
                keep_behind(connection, rest);
                self.answer(id, message);
            }
            Framed::Gathered { rest } => {
                keep_behind(connection, rest);
                let message = connection.framing.take();
                self.answer(id, &message);
            }
            Framed::Refused => {
                tracing::info!(target: "gssproxy", "a record that is no call ends its connection");
                self.close(id);
            }
        }
    }

    /// Counts what an unfinished message takes, and watches that it comes to its end.
    fn await_caller(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let (uid, needed) = (connection.peer.caller.uid, connection.framing.reserved());
        let more = needed.saturating_sub(connection.reserved);
        if more > 0 {
            if !self.shared.census.reserve(uid, more) {
                self.counts.turned_away = self.counts.turned_away.saturating_add(1);
                tracing::warn!(
                    uid,
                    "too many messages of this user have begun and not ended"
                );
                self.close(id);
                return;
            }
            connection.reserved = needed;
        }
        self.awaited.insert(id);
    }

    fn answer(&mut self, id: u64, message: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        self.awaited.remove(&id);
        let reserved = std::mem::take(&mut connection.reserved);
        if reserved > 0 {
            let uid = connection.peer.caller.uid;
            self.shared.census.release(uid, reserved);
        }
        let hall = self.shared.hall();
        hall.ask(&mut connection.peer, self.shared.doorkeeper.get());
        match calls::answer(&hall, &connection.peer.caller, message) {
            Verdict::Reply(reply, decision) => {
                self.note(decision.as_ref());
                self.reply(id, reply);
            }
            Verdict::Slow(call) => self.wait_for(id, *call),
            Verdict::Close(why) => {
                tracing::info!(target: "gssproxy", "{why}");
                self.note(None);
                self.close(id);
            }
        }
    }

    /// Counts a reply and lets it be witnessed.
    fn note(&mut self, decision: Option<&Decision>) {
        self.counts.count(decision);
        if let (Some(decision), Some(witness)) = (decision, &self.shared.witness) {
            witness.decided(decision);
        }
    }

    /// Hands a call to the slow lane, and takes no further one of this connection until it is answered.
    fn wait_for(&mut self, id: u64, call: Call) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.stage = Stage::Waiting;
        let uid = connection.peer.caller.uid;
        let (mailbox, gone) = (Arc::clone(&self.mailbox), Arc::clone(&connection.gone));
        let refusal = call.refusal();
        let entered = self.shared.slow_lane.enter(
            uid,
            Box::new(move |until| {
                if !gone.load(Ordering::Relaxed) {
                    let (reply, decision) = call.answer(until);
                    mailbox.send(Letter::Answered(Answered {
                        connection: id,
                        reply,
                        decision,
                    }));
                }
            }),
        );
        if entered {
            self.counts.slow = self.counts.slow.saturating_add(1);
            self.watch(id, EventFlags::empty());
        } else {
            self.complain(uid, "a call that needs a KDC finds no place");
            self.reply(id, refusal);
        }
    }

    /// Writes a reply, as far as it goes.
    fn reply(&mut self, id: u64, octets: Opaque) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let waited = matches!(connection.stage, Stage::Waiting);
        connection.stage = Stage::Writing(Reply::new(octets));
        connection.calls = connection.calls.saturating_add(1);
        if waited {
            self.watch(id, EventFlags::IN);
        }
        self.write(id);
    }

    fn write(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Stage::Writing(reply) = &mut connection.stage else {
            return;
        };
        let was_blocked = self.awaited.contains(&id);
        match reply.write(&mut connection.stream) {
            Moved::Octets(octets) => {
                self.counts.sent = self.counts.sent.saturating_add(octets as u64);
                connection.moved = self.now;
            }
            Moved::Blocked => {}
            Moved::Ended => {
                self.close(id);
                return;
            }
        }
        if reply.is_whole() {
            connection.stage = Stage::Reading;
            if !connection.behind.is_empty() {
                self.ready.push_back(id);
            }
            if was_blocked {
                self.awaited.remove(&id);
                self.watch(id, EventFlags::IN);
            }
        } else if !was_blocked {
            self.awaited.insert(id);
            self.watch(id, EventFlags::OUT);
        }
    }

    fn watch(&mut self, id: u64, flags: EventFlags) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let event = EventData::new_u64(id);
        if epoll::modify(&self.mailbox.epoll, &connection.stream, event, flags).is_err() {
            self.close(id);
        }
    }

    fn close(&mut self, id: u64) {
        self.awaited.remove(&id);
        if let Some(connection) = self.connections.remove(&id) {
            let uid = connection.peer.caller.uid;
            if connection.reserved > 0 {
                self.shared.census.release(uid, connection.reserved);
            }
            self.shared.census.leave(uid);
        }
    }

    /// Closes connections whose caller has let too much time pass.
    fn sweep(&mut self) {
        let since = self.now.saturating_duration_since(self.swept);
        let limits = &self.shared.limits;
        if since < SWEEP || (self.awaited.is_empty() && limits.idle.is_none()) {
            return;
        }
        self.swept = self.now;
        let now = self.now;
        let late = |one: &Connection| {
            let still = now.saturating_duration_since(one.moved);
            if one.awaits_caller() {
                return still >= limits.stalled;
            }
            let may_idle = one.peer.caller.uid == ROOT || !one.is_idle();
            !may_idle && limits.idle.is_some_and(|idle| still >= idle)
        };
        let late: Vec<u64> = self
            .connections
            .iter()
            .filter(|(_, one)| late(one))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.counts.timed_out = self.counts.timed_out.saturating_add(1);
            self.close(id);
        }
    }

    /// Reads what others have to say; `true` when it is that all is over.
    fn read_letters(&mut self) -> bool {
        for letter in self.mailbox.take() {
            match letter {
                Letter::Answered(answered) => {
                    self.note(answered.decision.as_ref());
                    self.reply(answered.connection, answered.reply);
                }
                Letter::Report(to) => {
                    let _nobody_waits = to.send(self.report());
                }
                Letter::Stop => return true,
            }
        }
        false
    }

    fn report(&self) -> LoopReport {
        let connected = self.connections.values().map(|one| Connected {
            uid: one.peer.caller.uid,
            pid: one.peer.caller.pid,
            program: one.peer.caller.program.clone(),
            socket: one.peer.caller.socket.clone(),
            calls: one.calls,
            waits: matches!(one.stage, Stage::Waiting),
            idle: self.now.saturating_duration_since(one.moved),
        });
        LoopReport {
            connected: connected.collect(),
            counts: self.counts.clone(),
        }
    }
}

fn keep_behind(connection: &mut Connection, rest: &[u8]) {
    if !rest.is_empty() {
        connection.behind = Zeroizing::new(rest.to_vec());
    }
}
