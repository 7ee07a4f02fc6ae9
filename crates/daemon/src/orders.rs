//! What a running role is told anew: one order at a time, each with its answer.

use tokio::sync::{mpsc, oneshot};

/// Gives orders. Clones give them to the same role.
#[derive(Debug)]
pub struct Orderer<T>(mpsc::Sender<Order<T>>);

/// Takes orders.
#[derive(Debug)]
pub struct Orders<T>(mpsc::Receiver<Order<T>>);

/// One order.
#[derive(Debug)]
pub struct Order<T> {
    what: T,
    reply: oneshot::Sender<Result<(), String>>,
}

/// A pair for one role.
pub fn orders<T>() -> (Orderer<T>, Orders<T>) {
    let (sender, receiver) = mpsc::channel(1);
    (Orderer(sender), Orders(receiver))
}

impl<T> Clone for Orderer<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Orderer<T> {
    /// Gives an order; returns once it is carried out, or why it is not.
    pub async fn give(&self, what: T) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let given = self.0.send(Order { what, reply }).await;
        match (given, answer.await) {
            (Ok(()), Ok(answer)) => answer,
            _ => Err("it is being stopped".to_owned()),
        }
    }
}

impl<T> Orders<T> {
    /// None will ever come.
    pub fn none() -> Self {
        orders().1
    }

    /// The next order; waits for ever where nobody is left to give one.
    pub async fn next(&mut self) -> Order<T> {
        match self.0.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

impl<T> Order<T> {
    /// What is wanted, and where to say how it went: whoever gave it may have left.
    pub fn take(self) -> (T, impl FnOnce(Result<(), String>)) {
        let Self { what, reply } = self;
        (what, move |outcome| drop(reply.send(outcome)))
    }
}
