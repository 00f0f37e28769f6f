"use strict";
// Comfort only: every page does its work without this file.
// Live pages name in data attributes of <body> where events come from (data-events) and where their own HTML is (data-renew).

(() => {
  const page = document.body.dataset;

  // Live pages: something changed, so fetch this page again and put its live parts in place of the old ones.

  const renew = async () => {
    let answer;
    try {
      answer = await fetch(page.renew, { redirect: "manual", cache: "no-store", headers: { Accept: "text/html" } });
    } catch {
      return; // no network: the next event, timer or look at the page tries again
    }
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 404) {
      location.reload(); // the session runs, or the sign-in is over: the server says where to go
      return;
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live], [data-say]")) {
      const now = fresh.getElementById(part.id);
      if (!now) {
        location.reload(); // it became another page
        return;
      }
      if (part.innerHTML === now.innerHTML) continue;
      if ("say" in part.dataset) {
        part.textContent = now.textContent; // the element stays, so that a screen reader says what is new
        continue;
      }
      const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
      const open = [...part.querySelectorAll("details[open] > summary")].map((summary) => summary.id);
      part.replaceChildren(...document.adoptNode(now).childNodes);
      for (const id of open) document.getElementById(id)?.parentElement.setAttribute("open", "");
      if (focused) document.getElementById(focused)?.focus();
    }
  };

  let waiting = 0;
  const renewSoon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(renew, 100); // several events come together
  };

  const onSession = (event) => {
    const session = JSON.parse(event.data);
    if (!page.session) {
      renewSoon();
    } else if (session.id === page.session) {
      if (session.state === "running") location.replace(page.go);
      else if (session.state === "ended" || session.state === "suspended") location.reload();
      else renewSoon();
    }
  };

  let events = null;
  const listen = () => {
    if (events && events.readyState !== EventSource.CLOSED) return;
    events = new EventSource(page.events);
    events.addEventListener("session", onSession);
    events.addEventListener("signed-out", () => location.assign(page.signIn));
  };

  if (page.events) {
    // A hidden tab holds no connection: browsers allow six to a host over HTTP/1.1.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        events?.close();
      } else {
        listen();
        renewSoon();
      }
    });
    if (!document.hidden) listen();
    let beats = 0;
    setInterval(() => {
      if (document.hidden) return;
      const connected = events?.readyState === EventSource.OPEN;
      if (!connected) listen();
      beats += 1;
      if (!connected || beats % 12 === 0) renewSoon(); // without events every 5 s; with them each minute, for the times
    }, 5000);
  }

  // Countdowns: the page says how many seconds are left when it was made; a clock of the browser's own may stand wrong.

  const ends = new WeakMap();
  const count = () => {
    for (const timer of document.querySelectorAll("[data-left]")) {
      if (!ends.has(timer)) ends.set(timer, performance.now() + Number(timer.dataset.left) * 1000);
      const left = Math.max(0, Math.ceil((ends.get(timer) - performance.now()) / 1000));
      const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (timer.textContent !== text) timer.textContent = text;
    }
  };
  setInterval(count, 1000);
  count();

  // Forms: one press is enough, and it shows that something happens.

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    const say = form.querySelector(".busy");
    if (say && form.dataset.busy) say.textContent = form.dataset.busy;
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      const say = form.querySelector(".busy");
      if (say) say.textContent = "";
    }
  });

  // The last line of an output says most.

  for (const output of document.querySelectorAll("pre")) output.scrollTop = output.scrollHeight;

  // Passwords: show what was typed, and say when Caps Lock is on.

  for (const button of document.querySelectorAll("[data-reveal]")) {
    const input = document.getElementById(button.dataset.reveal);
    const name = document.querySelector(`label[for="${input.id}"]`).textContent;
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      button.textContent = shown ? "Hide" : "Show";
      button.setAttribute("aria-label", `${button.textContent}: ${name}`);
    };
    button.hidden = false;
    show(false);
    button.addEventListener("click", () => {
      show(input.type === "password");
      input.focus();
    });
    input.form.addEventListener("submit", () => show(false)); // so that the browser doesn't keep it as a text
  }
  for (const hint of document.querySelectorAll("[data-caps-lock]")) {
    const input = document.getElementById(hint.dataset.capsLock);
    const look = (event) => {
      hint.hidden = !event.getModifierState?.("CapsLock");
    };
    input.addEventListener("keydown", look);
    input.addEventListener("keyup", look);
    input.addEventListener("blur", () => {
      hint.hidden = true;
    });
  }

  // Passkeys: the browser's own dialog, whose answer goes into the form. What stands in data attributes is JSON of the server's.

  const passkeys = window.PublicKeyCredential?.parseRequestOptionsFromJSON && navigator.credentials;
  const passkey = (part, form, ask) => {
    const button = part.querySelector("[data-passkey-go]");
    const none = part.querySelector("[data-passkey-none]");
    const said = part.querySelector("[data-passkey-said]");
    if (!passkeys) return;
    button.hidden = false;
    if (none) none.hidden = true;
    button.addEventListener("click", async () => {
      said.textContent = "";
      button.disabled = true;
      try {
        const credential = await ask();
        part.querySelector('input[name="answer"]').value = JSON.stringify(credential.toJSON());
        form.requestSubmit();
      } catch (error) {
        said.textContent = error.name === "InvalidStateError" ? "That one is enrolled already." : "The browser gave no passkey.";
      }
      button.disabled = false;
    });
  };
  for (const form of document.querySelectorAll("form[data-passkey-make]")) {
    const options = () => PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(form.dataset.passkeyMake));
    passkey(form, form, () => navigator.credentials.create({ publicKey: options() }));
  }
  for (const part of document.querySelectorAll("[data-passkey-prove]")) {
    const options = () => PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(part.dataset.passkeyProve));
    passkey(part, part.closest("form"), () => navigator.credentials.get({ publicKey: options() }));
  }

  // The way to a provider that takes a form: nobody need press it.

  document.querySelector("form[data-leave]")?.submit();
})();
