//! Carries requests: what sockets and `poll` are on a real host.

use std::net::SocketAddr;
use std::time::Duration;

use kerbstone_client::ClientError;
use kerbstone_client::exchange::{
    Action, Endpoint, Exchange, Failure, Schedule, Server, Transport,
};
use kerbstone_client::machine::{Input, Machine, Prompt, Request, Step};
use kerbstone_proto::message::HostAddress;
use zeroize::Zeroizing;

use super::kdc_host::{KPASSWD_PORT, KdcHost, KdcId};
use super::network::{Flow, Packet, Payload};
use super::site::port_of;
use super::trace::digest;
use super::{ClientId, Health, VirtualSite};

impl VirtualSite {
    /// Runs a machine on a client's host to its end.
    ///
    /// # Errors
    /// The machine's, [`ClientError::Unreachable`] when no KDC answers, and [`ClientError::PromptInterrupted`] when
    /// the user has no more to [type](Self::types).
    pub fn run<M: Machine>(
        &mut self,
        client: ClientId,
        machine: &mut M,
    ) -> Result<M::Output, ClientError> {
        while let Some(step) = machine.poll() {
            let reply;
            let input = match step {
                Step::Done(output) => return Ok(output),
                Step::Send(request) => {
                    reply = self.carry(client, &request)?;
                    Input::Reply(&reply)
                }
                Step::Ask(question) => Input::Answers(self.typed(client, &question.prompts)?),
                Step::LocalAddress { .. } => {
                    Input::LocalAddress(HostAddress::from(self.clients[client.0].address))
                }
            };
            let now = self.clock_of(client);
            machine.handle(input, now, &mut self.clients[client.0].rng)?;
        }
        Err(ClientError::Misuse("a machine that has nothing to do"))
    }

    /// Lets time pass. What is under way arrives meanwhile.
    pub fn pass(&mut self, time: Duration) {
        let end = self.clock.elapsed().saturating_add(time);
        while self.network.next_due().is_some_and(|due| due <= end) {
            self.deliver();
        }
        self.clock.move_to(end);
    }

    fn typed(
        &mut self,
        client: ClientId,
        prompts: &[Prompt],
    ) -> Result<Vec<Zeroizing<String>>, ClientError> {
        let typing = &mut self.clients[client.0].typing;
        prompts
            .iter()
            .map(|_| typing.pop_front().ok_or(ClientError::PromptInterrupted))
            .collect()
    }

    fn carry(&mut self, client: ClientId, request: &Request) -> Result<Vec<u8>, ClientError> {
        let servers = self.servers(request);
        if servers.is_empty() {
            return Err(ClientError::NoServers {
                realm: request.realm.clone(),
                looked: "in the virtual site".to_owned(),
            });
        }
        let suspects = self.clients[client.0].suspects(self.clock.elapsed());
        let mut exchange = Exchange::new(
            servers,
            request.bytes.len(),
            Schedule::default(),
            suspects,
            self.clock.instant(),
        );
        self.exchanges += 1;
        let outcome = self.converse(client, &mut exchange, &request.bytes);
        self.clients[client.0].remember(&exchange, self.clock.elapsed());
        outcome.map_err(|tried| ClientError::Unreachable {
            realm: request.realm.clone(),
            tried,
        })
    }

    fn servers(&self, request: &Request) -> Vec<Server> {
        let port = port_of(request.service);
        let serves = |kdc: &&KdcHost| {
            self.realms[kdc.realm].name == request.realm && (port != KPASSWD_PORT || kdc.is_primary)
        };
        let named = self.kdcs.iter().filter(serves).map(|kdc| Server {
            host: kdc.address.to_string(),
            port,
            transport: None,
            primary: Some(kdc.is_primary),
        });
        named.collect()
    }

    fn converse(
        &mut self,
        client: ClientId,
        exchange: &mut Exchange,
        request: &[u8],
    ) -> Result<Vec<u8>, Vec<Failure>> {
        loop {
            match exchange.poll() {
                Some(Action::Resolve(number)) => {
                    let address = address_of(&exchange.servers()[number]);
                    exchange.resolved(number, Ok(vec![address]), self.clock.instant());
                }
                Some(Action::Transmit { attempt, endpoint }) => {
                    self.transmit(client, attempt, &endpoint, request);
                }
                Some(Action::Done { reply, .. }) => return Ok(reply),
                Some(Action::Failed(tried)) => return Err(tried),
                None => self.wait(exchange),
            }
        }
    }

    fn transmit(&mut self, client: ClientId, attempt: usize, endpoint: &Endpoint, bytes: &[u8]) {
        let flow = Flow {
            exchange: self.exchanges,
            attempt,
        };
        let port = 40_000 + u16::try_from(self.exchanges % 20_000).unwrap_or(0);
        self.send(&Packet {
            flow,
            from: SocketAddr::new(self.clients[client.0].address, port),
            to: endpoint.address,
            stream: endpoint.transport == Transport::Tcp,
            payload: Payload::Request(bytes.to_vec()),
        });
    }

    fn send(&mut self, packet: &Packet) {
        let at = self.clock.elapsed();
        self.send_at(at, packet);
    }

    fn send_at(&mut self, at: Duration, packet: &Packet) {
        let copies = self.network.send(at, packet);
        let (kind, content) = match &packet.payload {
            Payload::Request(bytes) => ("request", digest(bytes)),
            Payload::Reply(bytes) => ("reply", digest(bytes)),
            Payload::Refused => ("refusal", String::new()),
        };
        let Packet { from, to, .. } = packet;
        let how = packet.transport();
        let line = format!("{from} -> {to} {how:?} {kind} {content}, {copies} arrive");
        self.trace.say(self.clock.elapsed(), &line);
    }

    /// Until a packet arrives or the exchange wants to be woken, whichever is first.
    fn wait(&mut self, exchange: &mut Exchange) {
        let wake = exchange.poll_timeout();
        let wake = wake.map(|instant| self.clock.elapsed_at(instant));
        let due = self.network.next_due();
        match (due, wake) {
            (Some(due), wake) if wake.is_none_or(|wake| due <= wake) => {
                if let Some(packet) = self.deliver() {
                    self.hand_over(exchange, packet);
                }
            }
            (_, Some(wake)) => {
                self.clock.move_to(wake);
                exchange.handle_timeout(self.clock.instant());
            }
            (_, None) => panic!("an exchange waits for nothing"),
        }
    }

    /// Brings the next packet to its host; what is for a client is handed back.
    fn deliver(&mut self) -> Option<Packet> {
        self.clock.move_to(self.network.next_due()?);
        let packet = self.network.take()?;
        let Payload::Request(bytes) = &packet.payload else {
            return Some(packet);
        };
        let number = self
            .kdcs
            .iter()
            .position(|kdc| kdc.address == packet.to.ip())?;
        match self.kdcs[number].health {
            Health::Up => self.reply(KdcId(number), &packet, bytes, Duration::ZERO),
            Health::Slow(time) => self.reply(KdcId(number), &packet, bytes, time),
            Health::Silent => {}
            Health::Refusing => self.send(&packet.answered(Payload::Refused)),
        }
        None
    }

    fn reply(&mut self, kdc: KdcId, packet: &Packet, bytes: &[u8], thinking: Duration) {
        let (port, transport) = (packet.to.port(), packet.transport());
        let reply = self.ask(kdc, port, bytes, packet.from, transport);
        if !reply.is_empty() {
            let at = self.clock.elapsed().saturating_add(thinking);
            self.send_at(at, &packet.answered(Payload::Reply(reply)));
        }
    }

    /// What belongs to an exchange that is over finds nobody.
    fn hand_over(&self, exchange: &mut Exchange, packet: Packet) {
        if packet.flow.exchange != self.exchanges {
            return;
        }
        let (attempt, now) = (packet.flow.attempt, self.clock.instant());
        match packet.payload {
            Payload::Reply(reply) => exchange.handle_reply(attempt, reply, now),
            Payload::Refused => exchange.handle_failure(attempt, "connection refused", now),
            Payload::Request(_) => {}
        }
    }
}

fn address_of(server: &Server) -> SocketAddr {
    let address = server.host.parse().expect("an address as the site gave it");
    SocketAddr::new(address, server.port)
}
