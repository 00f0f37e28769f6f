//! The launcher's figures, asked for when somebody asks for them: at most once a second, whoever asks how often.
//!
//! Health checks need no sign-in, so anybody may ask: all who come meanwhile share one question and its answer. Called by `health`
//! and `metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_wire::ToLauncher;
use portcullis_wire::watch::Figures;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::link::Pending;
use crate::world::World;

/// For so long an answer is good.
const FRESH: Duration = Duration::from_secs(1);
/// The launcher answers within a turn; one that takes so long is as good as gone.
const WITHIN: Duration = Duration::from_secs(2);

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Questions under way.
    pub(crate) pending: Pending<Box<Figures>>,
    last: Mutex<Option<(Instant, Option<Arc<Figures>>)>>,
}

/// The figures; `None` when the launcher doesn't answer.
pub(crate) async fn figures(world: &World) -> Option<Arc<Figures>> {
    // Held while the launcher is asked: whoever comes meanwhile waits for the same answer.
    let mut last = world.figures.last.lock().await;
    if let Some((_, told)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
        return told.clone();
    }
    let told = ask(world).await.map(Arc::new);
    *last = Some((Instant::now(), told.clone()));
    told
}

async fn ask(world: &World) -> Option<Figures> {
    if !world.linked.load(Ordering::Relaxed) {
        return None;
    }
    let (request, answered) = world.figures.pending.begin();
    let answer = async {
        world.link.ask(ToLauncher::Figures { request }).await.ok()?;
        answered.await.ok()
    };
    tokio::time::timeout(WITHIN, answer).await.ok().flatten().map(|figures| *figures)
}
