//! The limit of wrong codes: of one account, over all its conversations and browsers, from wherever. Ten at once, then one a minute.

use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Result, ensure};
use portcullis_testing::{Account, Client, Response, Stage, World, until};

use super::{answer, begin, comes_in, enrol, html};

/// Codes that are judged at once.
const AT_ONCE: u64 = 10;
/// Seconds until there is room for one more, and as much again for a busy machine.
const WITHIN: u64 = 120;

/// Who knows the password and guesses codes.
struct Guesser<'a> {
    world: &'a World,
    account: &'a Account,
    began: Instant,
    /// From elsewhere each time: it is not the address that is counted here.
    places: u8,
}

impl Guesser<'_> {
    /// A new conversation in a new browser.
    fn conversation(&mut self) -> Result<(Client, String)> {
        self.places = self.places.wrapping_add(1);
        let client = self.world.client()?.at(Ipv4Addr::new(127, 8, self.places, 1));
        let conversation = begin(&client, self.account, &self.account.password)?;
        Ok((client, conversation))
    }

    /// How many codes may have been judged by now.
    fn room(&self) -> u64 {
        AT_ONCE + self.began.elapsed().as_secs() / 60
    }

    /// How many were.
    fn count(&self) -> Result<u64> {
        let fields = [("user", self.account.name.as_str()), ("at", "sign-in")];
        let judged = u64::try_from(self.world.count_audit("factor-failed", &fields)?)?;
        let room = self.room();
        ensure!(judged <= room, "{judged} codes were judged where there was room for {room}");
        Ok(judged)
    }
}

fn is_judged(answer: &Response) -> bool {
    answer.text().contains("not right")
}

pub(super) fn codes(stage: &Stage) -> Result<()> {
    // Names aren't counted here, or theirs would be full before their codes are.
    let world = stage.world().conf("rserver.conf", "auth-sign-in-throttle-seconds=0").start()?;
    let (ann, client) = world.signed_in("flimit")?;
    let (phone, sheet) = enrol(&client)?;
    let (bob, other) = world.signed_in("fbeside")?;
    let (mut bobs, _) = enrol(&other)?;
    let mut guesser = Guesser { world: &world, account: &ann, began: Instant::now(), places: 0 };
    // Side by side, so that no conversation is over by its own five.
    let all: Vec<_> = (0..3).map(|_| guesser.conversation()).collect::<Result<_>>()?;
    for number in 0..10 {
        let (browser, conversation) = &all[number % 3];
        ensure!(is_judged(&answer(browser, conversation, &phone.wrong()?)?), "code {number} is not judged");
    }
    ensure!(guesser.count()? == AT_ONCE);
    // Nobody looks at the next one, right or wrong, of the app or of the sheet: in a conversation of before and in a new one.
    let refused = |guesser: &mut Guesser<'_>, old: Option<usize>, code: &str| -> Result<()> {
        let (browser, conversation) = match old {
            Some(at) => all[at].clone(),
            None => guesser.conversation()?,
        };
        let told = answer(&browser, &conversation, code)?;
        let room = guesser.room();
        let judged = is_judged(&told) || browser.is_signed_in()?;
        // On a machine that is so busy that a minute went by there was room for it.
        ensure!(!judged || room > AT_ONCE, "`{code}` is judged: {}", told.text());
        Ok(())
    };
    refused(&mut guesser, Some(1), &phone.wrong()?)?;
    refused(&mut guesser, Some(2), &phone.shown()?)?;
    refused(&mut guesser, None, &phone.shown()?)?;
    refused(&mut guesser, None, &sheet[0])?;
    guesser.count()?;
    world.await_audit("sign-in-denied", &[("user", &ann.name), ("reason", "factor")], 5)?;
    // Who is signed in stays so, and has the same pages; whoever else has a phone comes in.
    ensure!(client.is_signed_in()?, "a sign-in that lives is ended by guesses");
    html(&client, "/account/factors")?.expect(200)?;
    comes_in(&world.client()?, &bob, &bobs.next()?)?;
    // A minute later one is judged, and no second one.
    until::is("one more is judged", WITHIN, || {
        let tried = guesser.conversation().and_then(|(browser, conversation)| {
            Ok(is_judged(&answer(&browser, &conversation, &phone.wrong()?)?))
        });
        tried.is_ok_and(|judged| judged)
    })?;
    ensure!(guesser.count()? > AT_ONCE, "it was not counted");
    // The right one comes in with the next.
    until::some("the right one comes in", WITHIN, || {
        let (browser, conversation) = guesser.conversation()?;
        answer(&browser, &conversation, &phone.shown()?)?;
        Ok(browser.is_signed_in()?.then_some(()))
    })?;
    guesser.count()?;
    ensure!(client.is_signed_in()?, "a sign-in that lives is ended by guesses");
    Ok(())
}
