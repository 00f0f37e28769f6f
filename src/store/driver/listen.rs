//! PostgreSQL's notices: a connection of its own that waits for them. Notices are a quicker way to what polling finds anyway.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

use crate::driver::commit::CHANNEL;
use crate::driver::pg::Pg;

/// First and longest pause before the next try: the poll is there meanwhile, so it need not be eager.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

/// Wakes whoever waits at each notice, for as long as the pool is used by somebody else.
pub(crate) async fn listen(pg: Arc<Pg>, wake: Arc<Notify>) {
    let mut pause = PAUSES[0];
    loop {
        match once(&pg, &wake).await {
            Ok(()) => pause = PAUSES[0],
            Err(error) => tracing::debug!("no notices from the database: {error}"),
        }
        // What was said while nobody listened is found by looking.
        wake.notify_one();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}

/// Listens until the connection ends.
async fn once(pg: &Pg, wake: &Arc<Notify>) -> Result<(), crate::Error> {
    let (client, mut connection) = pg.dial().await?;
    let heard = Arc::clone(wake);
    // Notices come where the connection is driven, so it is driven by hand.
    let drive = async move {
        while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
            match message {
                Ok(AsyncMessage::Notification(_)) => heard.notify_one(),
                Ok(_) => {}
                Err(_) => break,
            }
        }
    };
    let ask = async {
        let listening = client.batch_execute(&format!("LISTEN {CHANNEL}")).await;
        if listening.is_ok() {
            wake.notify_one();
            // Kept: a client that is dropped ends its connection.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = drive => {}
        () = ask => {}
    }
    Ok(())
}
