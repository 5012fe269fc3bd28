//! A gate before work that holds memory: clients take turns, the line is short, and nobody stands in it for long.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Client;

/// Requests that may stand in line.
const MAX_WAITING: usize = 64;

/// Those of one client.
const MAX_WAITING_OF_ONE: usize = MAX_WAITING / 2;

/// The longest that one stands in line.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bound on the bytes of all answers that are being made or sent; a clone is the same gate.
///
/// Clients take turns, and the requests of each go in their order. One that asks for much is not overtaken by those behind
/// it, unless it only waits for what its own client holds.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    total: u64,
    /// The most that one client holds, unless it holds a single one.
    share: u64,
    patience: Duration,
    refused: AtomicU64,
}

#[derive(Debug)]
struct State {
    free: u64,
    held: HashMap<Client, u64>,
    /// Whose turn it is, first to last; none of the lines is empty.
    lines: VecDeque<(Client, VecDeque<Waiting>)>,
    count: usize,
    numbered: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    bytes: u64,
    admit: oneshot::Sender<Pass>,
}

/// Bytes that are let in until this is dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Gate,
    client: Client,
    bytes: u64,
}

/// Why one is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Too many wait already, or this one has waited long enough.
    #[error("the server has as much to do as its memory allows; ask again in {} s", self.retry_after().as_secs())]
    Full,
    /// Too many requests of the same client wait already.
    #[error(
        "{MAX_WAITING_OF_ONE} requests from this address wait for their turn already; send fewer at once, and ask again in {} s",
        self.retry_after().as_secs()
    )]
    OwnLine,
}

impl Busy {
    /// When to ask again.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        Duration::from_secs(2)
    }
}

/// A place in the line, given up when dropped: a client that goes away waits no more.
struct InLine<'a> {
    gate: &'a Gate,
    client: Client,
    number: u64,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.gate.lock().leave(self.client, self.number);
        // It may have kept others from getting in.
        self.gate.admit();
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.lock().give_back(self.client, self.bytes);
        self.gate.admit();
    }
}

impl State {
    fn may_enter(&self, client: Client, bytes: u64, share: u64) -> bool {
        self.held.get(&client).is_none_or(|held| held.saturating_add(bytes) <= share)
    }

    fn take(&mut self, client: Client, bytes: u64) {
        self.free -= bytes;
        *self.held.entry(client).or_default() += bytes;
    }

    fn give_back(&mut self, client: Client, bytes: u64) {
        self.free += bytes;
        if let Some(held) = self.held.get_mut(&client) {
            *held -= bytes;
            if *held == 0 {
                self.held.remove(&client);
            }
        }
    }

    fn line_of(&mut self, client: Client) -> Option<(usize, &mut VecDeque<Waiting>)> {
        let at = self.lines.iter().position(|(of, _)| *of == client)?;
        Some((at, &mut self.lines.get_mut(at)?.1))
    }

    fn leave(&mut self, client: Client, number: u64) {
        let Some((at, line)) = self.line_of(client) else { return };
        let before = line.len();
        line.retain(|waiting| waiting.number != number);
        let (gone, is_empty) = (before - line.len(), line.is_empty());
        self.count -= gone;
        if is_empty {
            self.lines.remove(at);
        }
    }

    /// Who gets in next, when there is room; whoever's turn it was has it last from then on.
    fn next(&mut self, share: u64) -> Option<(Client, Waiting)> {
        let first = |(client, line): &(Client, VecDeque<Waiting>)| Some((*client, line.front()?.bytes));
        let fits = |(client, bytes): &(Client, u64)| self.may_enter(*client, *bytes, share);
        let (at, (client, bytes)) = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| Some((at, first(line)?)))
            .find(|(_, head)| fits(head))?;
        if bytes > self.free {
            return None;
        }
        let (_, mut line) = self.lines.remove(at)?;
        let next = line.pop_front()?;
        if !line.is_empty() {
            self.lines.push_back((client, line));
        }
        self.count -= 1;
        self.take(client, bytes);
        Some((client, next))
    }
}

impl Gate {
    /// A gate that lets that many bytes in at once, all for one client if no other wants any.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self::with(bytes, bytes, PATIENCE)
    }

    /// A gate that keeps half of its bytes from any one client, so that another need not wait for it.
    #[must_use]
    pub fn halved(bytes: u64) -> Self {
        Self::with(bytes, bytes / 2, PATIENCE)
    }

    fn with(total: u64, share: u64, patience: Duration) -> Self {
        let state =
            State { free: total, held: HashMap::new(), lines: VecDeque::new(), count: 0, numbered: 0 };
        let state = Mutex::new(state);
        Self(Arc::new(Shared { state, total, share, patience, refused: AtomicU64::new(0) }))
    }

    /// Waits in line until `bytes` are free for the client. More than there are in all count as all of them.
    ///
    /// # Errors
    /// When the line is full, or does not move in time.
    pub async fn enter(&self, client: Client, bytes: u64) -> Result<Pass, Busy> {
        let bytes = bytes.min(self.0.total);
        let (in_line, admitted) = {
            let mut state = self.lock();
            if state.lines.is_empty() && bytes <= state.free && state.may_enter(client, bytes, self.0.share) {
                state.take(client, bytes);
                return Ok(Pass { gate: self.clone(), client, bytes });
            }
            let own = state.line_of(client).map_or(0, |(_, line)| line.len());
            let refusal = if own >= MAX_WAITING_OF_ONE {
                Some(Busy::OwnLine)
            } else {
                (state.count >= MAX_WAITING).then_some(Busy::Full)
            };
            if let Some(busy) = refusal {
                self.0.refused.fetch_add(1, Ordering::Relaxed);
                return Err(busy);
            }
            let (admit, admitted) = oneshot::channel();
            state.numbered += 1;
            state.count += 1;
            let number = state.numbered;
            let waiting = Waiting { number, bytes, admit };
            match state.line_of(client) {
                Some((_, line)) => line.push_back(waiting),
                None => state.lines.push_back((client, VecDeque::from([waiting]))),
            }
            (InLine { gate: self, client, number }, admitted)
        };
        self.admit();
        let entered = tokio::time::timeout(self.0.patience, admitted).await;
        drop(in_line);
        if let Ok(Ok(pass)) = entered {
            return Ok(pass);
        }
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        Err(Busy::Full)
    }

    /// Lets in whoever can be.
    fn admit(&self) {
        loop {
            let next = self.lock().next(self.0.share);
            let Some((client, waiting)) = next else { return };
            // One that has gone away meanwhile gives its pass back by dropping it.
            drop(waiting.admit.send(Pass { gate: self.clone(), client, bytes: waiting.bytes }));
        }
    }

    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that are let in now.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.0.total - self.lock().free
    }

    /// Requests that stand in line now.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.lock().count as u64
    }

    /// Requests that were turned away so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 1 << 20;

    fn client(last: u8) -> Client {
        Client::at([10, 0, 0, last].into())
    }

    /// Lets tasks run until so many stand in line.
    async fn become_waiting(gate: &Gate, count: usize) {
        while gate.waiting() != count as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Tasks that enter one after another, and the order in which they got in.
    struct Runners {
        gate: Gate,
        order: Arc<Mutex<Vec<&'static str>>>,
        tasks: Vec<tokio::task::JoinHandle<()>>,
    }

    impl Runners {
        fn new(gate: &Gate) -> Self {
            Self { gate: gate.clone(), order: Arc::default(), tasks: Vec::new() }
        }

        async fn send(&mut self, name: &'static str, from: u8, bytes: u64) {
            let (gate, order) = (self.gate.clone(), Arc::clone(&self.order));
            let before = self.gate.waiting();
            self.tasks.push(tokio::spawn(async move {
                let _held = gate.enter(client(from), bytes).await.expect("room");
                order.lock().expect("a lock").push(name);
            }));
            become_waiting(&self.gate, usize::try_from(before).expect("few") + 1).await;
        }

        async fn end(self) -> Vec<&'static str> {
            for task in self.tasks {
                task.await.expect("an end");
            }
            self.order.lock().expect("a lock").clone()
        }
    }

    #[tokio::test]
    async fn a_large_one_is_not_overtaken_and_all_get_in() {
        let gate = Gate::new(ALL);
        let first = gate.enter(client(1), ALL / 2).await.expect("room");
        let mut runners = Runners::new(&gate);
        runners.send("large", 3, ALL).await;
        runners.send("small", 2, ALL / 4).await;
        assert_eq!((gate.waiting(), gate.held_bytes()), (2, ALL / 2));
        drop(first);
        assert_eq!(runners.end().await, ["large", "small"]);
        assert_eq!((gate.waiting(), gate.held_bytes(), gate.refused()), (0, 0, 0));
    }

    #[tokio::test]
    async fn clients_take_turns_however_many_requests_one_sends() {
        let gate = Gate::new(ALL);
        let first = gate.enter(client(1), ALL).await.expect("room");
        let mut runners = Runners::new(&gate);
        for (name, from) in [("a1", 1), ("a2", 1), ("a3", 1), ("b1", 2), ("c1", 3), ("b2", 2)] {
            runners.send(name, from, ALL).await;
        }
        drop(first);
        assert_eq!(runners.end().await, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[tokio::test]
    async fn a_halved_gate_always_has_room_for_another_client() {
        let gate = Gate::halved(ALL);
        let held = gate.enter(client(1), ALL / 2).await.expect("room");
        let mut runners = Runners::new(&gate);
        runners.send("more of the same", 1, 1).await;
        let other = gate.enter(client(2), ALL / 4).await.expect("room at once");
        assert_eq!((gate.waiting(), gate.held_bytes()), (1, ALL * 3 / 4));
        drop((held, other));
        assert_eq!(runners.end().await, ["more of the same"]);
        drop(gate.enter(client(1), ALL).await.expect("a single one may take all"));
        assert_eq!(gate.held_bytes(), 0);
    }

    #[tokio::test]
    async fn who_waits_too_long_or_comes_too_late_is_turned_away_and_who_leaves_leaves_room() {
        let gate = Gate::with(ALL, ALL, Duration::from_secs(1));
        let held = gate.enter(client(1), ALL).await.expect("room");
        let enter = |from: u8| {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter(client(from), 1).await.map(drop) })
        };
        let mut waiting: Vec<_> = (0..MAX_WAITING_OF_ONE).map(|_| enter(1)).collect();
        become_waiting(&gate, MAX_WAITING_OF_ONE).await;
        assert_eq!(enter(1).await.expect("an end"), Err(Busy::OwnLine));
        waiting.extend((0..MAX_WAITING_OF_ONE).map(|_| enter(2)));
        become_waiting(&gate, MAX_WAITING).await;
        assert_eq!(enter(3).await.expect("an end"), Err(Busy::Full), "the line is full");
        waiting[0].abort();
        become_waiting(&gate, MAX_WAITING - 1).await;
        for waits in waiting.into_iter().skip(1) {
            assert_eq!(waits.await.expect("an end"), Err(Busy::Full), "nobody waits for ever");
        }
        assert_eq!((gate.waiting(), gate.refused()), (0, MAX_WAITING as u64 + 1));
        drop(held);
        assert!(gate.enter(client(1), ALL).await.is_ok());
    }
}
