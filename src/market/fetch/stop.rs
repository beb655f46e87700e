//! Ending a fetch from outside.

use tokio::sync::watch;

/// Sets a [`Stop`].
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

/// Is set once, for good.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A stop and what sets it.
pub fn stopper() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Ends what watches.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }
}

impl Stop {
    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is set; never when nobody can set it any more.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
