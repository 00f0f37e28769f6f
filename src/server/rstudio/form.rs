//! The form of an upload on its way: the policy reads its pieces, the session says where its directory leads, and a refusal ends it
//! before its last piece.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderMap};
use portcullis_policy::rstudio::{FormStep, UploadForm};
use portcullis_policy::{Capability, Refusal, outside};
use portcullis_proxy::{Incoming, Upload, Watch};

use crate::call::Call;
use crate::state::{Live, Person};

/// Why a form was ended, once it was. By default there is no form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ended(Option<Rc<RefCell<Option<Box<Refusal>>>>>);

impl Ended {
    /// The refusal, where there is one.
    pub(crate) fn refusal(&self) -> Option<Box<Refusal>> {
        self.0.as_ref()?.borrow_mut().take()
    }
}

/// The body of an upload, judged as it passes.
///
/// # Errors
/// When it can't be a form that is read in one way.
pub(crate) fn watched(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<(Upload, Ended), Box<Refusal>> {
    let flags = person.flags_in(live.session.id).clone();
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut form = UploadForm::new(&flags, kind)?;
    let told = Rc::<RefCell<Option<Box<Refusal>>>>::default();
    let ended = Ended(Some(told.clone()));
    let (doors, session) = (call.thread.doors.clone(), live.session.id);
    let home = person.sign_in.principal.home.clone();
    let watcher = move |piece: Option<&[u8]>| {
        let stop = |refusal: Box<Refusal>| {
            *told.borrow_mut() = Some(refusal);
            Watch::Stop
        };
        let Some(piece) = piece else {
            return form.over().map_or_else(stop, |()| Watch::Pass);
        };
        let claim = match form.feed(piece) {
            Ok(FormStep::Pass) => return Watch::Pass,
            Ok(FormStep::Ask(claim)) => claim,
            Err(refusal) => return stop(refusal),
        };
        let (doors, flags, home, told) = (doors.clone(), flags.clone(), home.clone(), told.clone());
        Watch::Wait(Box::pin(async move {
            let asked = vec![home.clone(), claim.under(&home)];
            // Fail closed: a directory that can't be followed can't be allowed.
            let resolved = doors.resolve(session, asked).await.unwrap_or_default();
            let allowed = match resolved.as_slice() {
                [Some(home), Some(path)] => flags.directory_allows(path, home),
                _ => false,
            };
            if !allowed {
                *told.borrow_mut() = Some(outside(&flags, Capability::Upload, &claim.tail).into());
            }
            allowed
        }))
    };
    Ok((Upload::watched(body, Box::new(watcher)), ended))
}
