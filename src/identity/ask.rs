//! The role `ask`: one method, as many proofs side by side as the launcher allows.
//!
//! A configuration replaces the one before it for what is asked afterwards. A proof that takes too long is given up by the launcher;
//! its answer is sent all the same and nobody waits for it.

use std::rc::Rc;

use portcullis_authn::{Configured, Method as _, Told};
use portcullis_model::proof::{Failure, MethodName};
use portcullis_runtime::Wire;
use portcullis_wire::identity::{AskAnswer, FromAsk, PIECE_MAX, ToAsk};

use crate::{Ended, job};

/// Runs the role until the launcher goes away.
pub(crate) async fn run(wire: Wire, method: MethodName) -> Result<(), Ended> {
    let wire = Rc::new(wire);
    let mut configured: Option<Rc<Configured>> = None;
    loop {
        let (request, fds) = wire.receive::<ToAsk>().await?;
        if let ToAsk::Job(job) = &request {
            let settings = job::settings(job)?;
            let roots = fds.into_iter().next().map(std::fs::File::from);
            let made = Configured::new(method, &settings, |name| job::secret(job, name), roots)
                .map_err(|error| job::JobError::Setup(portcullis_runtime::chain(&error)))?;
            let made = made.with_provider(job.provider.as_deref().cloned());
            configured = Some(Rc::new(made));
            wire.send(&FromAsk::Ready).await?;
            continue;
        }
        let Some(configured) = configured.clone() else { return Err(Ended::Order) };
        let wire = wire.clone();
        tokio::task::spawn_local(async move {
            // A launcher that is gone is noticed by whoever receives.
            let _ = answer(&wire, &configured, request).await;
        });
    }
}

async fn answer(wire: &Wire, method: &Configured, request: ToAsk) -> Result<(), Ended> {
    let (request, result) = match request {
        ToAsk::Job(_) => return Ok(()),
        ToAsk::Begin { request, flow } => {
            (request, method.begin(&flow, &mut Told::silent()).await.map(AskAnswer::Begin))
        }
        ToAsk::Describe { request } => (request, method.describe().map(AskAnswer::Described)),
        ToAsk::Fetch { request } => {
            let fetched = method.fetch().await;
            if let Ok(bytes) = &fetched {
                for piece in bytes.chunks(PIECE_MAX) {
                    wire.send(&FromAsk::Piece { request, bytes: piece.to_vec() }).await?;
                }
            }
            (request, fetched.map(|_| AskAnswer::Fetched))
        }
        // Nothing that a stranger wrote is parsed in a process that has a network.
        ToAsk::Provider { request } => (request, Err(Failure::Unsupported)),
        ToAsk::Prove { request, evidence, told } => {
            let result = if told {
                let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
                // Whoever watches a directory that doesn't answer sees how far it came.
                let mut steps = Told::to(move |step| drop(tell.send(step.clone())));
                let prove = async {
                    let result = method.prove(evidence, &mut steps).await;
                    drop(steps);
                    result
                };
                let hand_on = async {
                    while let Some(step) = told.recv().await {
                        wire.send(&FromAsk::Step { request, step }).await?;
                    }
                    Ok::<(), Ended>(())
                };
                let (result, handed_on) = tokio::join!(prove, hand_on);
                handed_on?;
                result
            } else {
                method.prove(evidence, &mut Told::silent()).await
            };
            let result = result.and_then(|proven| match proven.check() {
                Ok(()) => Ok(AskAnswer::Proven(Box::new(proven))),
                Err(error) => Err(Failure::protocol(&error.to_string())),
            });
            (request, result)
        }
        ToAsk::Members { request, identity } => {
            let result = method.members(&identity, &mut Told::silent()).await;
            let result = result.and_then(|members| match members.check() {
                Ok(()) => Ok(AskAnswer::Members(Box::new(members))),
                Err(error) => Err(Failure::protocol(&error.to_string())),
            });
            (request, result)
        }
    };
    wire.send(&FromAsk::Answer { request, result }).await?;
    Ok(())
}
