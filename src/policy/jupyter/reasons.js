// Shows why the server refused something where JupyterLab by itself shows nothing (its file browser, a folder that can't
// be opened; a new terminal) or only the browser does (a download), and warns before a limit of the session is reached or the
// session ends. Nothing is enforced here, and nothing depends on it.
//
// A prebuilt extension without a build: the container that JupyterLab's loader wants, written by hand. Seen with JupyterLab 4.6.
(() => {
  const NAME = 'portcullis-reasons';
  let shared = {};

  // A module of JupyterLab's own: the one that is in use, if there are several.
  const load = async name => {
    const versions = Object.values(shared[name]);
    return (await (versions.find(version => version.loaded) || versions[0]).get())();
  };

  const folders = (model, show) => {
    let told = false;
    model.pathChanged.connect(() => {
      told = false;
    });
    model.connectionFailure.connect((_, error) => {
      if (!error.response || error.response.status !== 403) {
        return;
      }
      const asked = decodeURIComponent(new URL(error.response.url).pathname).replace(/\/+$/, '');
      const here = ('/api/contents/' + model.path).replace(/\/+$/, '');
      if (asked.endsWith(here)) {
        // The folder it is in: it asks for that again and again by itself.
        if (told) {
          return;
        }
        told = true;
      }
      show('Folder not opened', error);
    });
  };

  // The launcher says itself why its terminal doesn't start; the palette and the menus don't.
  const terminals = (commands, show) => {
    const said = text => [...document.querySelectorAll('.jp-Dialog')].some(dialogue => dialogue.textContent.includes(text));
    commands.commandExecuted.connect((_, { id, result }) => {
      if (!id.startsWith('terminal:')) {
        return;
      }
      result.catch(error => {
        if (error.response && error.response.status === 403) {
          setTimeout(() => said(error.message) || show('Terminal not opened', error));
        }
      });
    });
  };

  const downloads = (ServerConnection, settings, show) => {
    const files = new URL('files/', settings.baseUrl).href;
    const ask = (url, method) => ServerConnection.makeRequest(url, { method }, settings);
    const explain = async url => {
      if ((await ask(url, 'HEAD')).status !== 403) {
        return;
      }
      const refused = await ask(url, 'GET');
      if (refused.status === 403) {
        show('Not downloaded', await ServerConnection.ResponseError.create(refused));
      }
    };
    document.addEventListener(
      'click',
      event => {
        const link = event.target;
        if (link instanceof HTMLAnchorElement && link.hasAttribute('download') && link.href.startsWith(files)) {
          explain(link.href).catch(console.warn);
        }
      },
      true
    );
  };

  // A session that will end: one notice with the time that is left, and a button to stay.
  const leaving = (Notification, stay) => {
    let shown = ''; // the notice's id
    let end = 0; // by this page's own steady clock
    let said = '';
    const close = () => {
      if (shown) {
        Notification.dismiss(shown);
      }
      shown = said = '';
    };
    const text = () => {
      const left = Math.max(0, Math.round((end - performance.now()) / 1000));
      // Not each second: a screen reader says what changes.
      const step = left > 10 ? left - (left % 10) : left;
      return `This session ${said.replace('{}', `${Math.floor(step / 60)}:${String(step % 60).padStart(2, '0')}`)}`;
    };
    let last = '';
    setInterval(() => {
      if (shown && text() !== last) {
        last = text();
        Notification.update({ id: shown, message: last, autoClose: false });
      }
    }, 1000);
    return ends => {
      if (!ends) {
        close();
        return;
      }
      end = performance.now() + ends.left * 1000;
      const outcome = ends.outcome.charAt(0).toLowerCase() + ends.outcome.slice(1);
      said = `${outcome} {}. ${ends.text}`;
      if (!shown) {
        last = text();
        const actions = ends.stay ? [{ label: 'Stay', displayType: 'accent', callback: () => void stay().then(close, console.warn) }] : [];
        shown = Notification.emit(last, 'warning', { autoClose: false, actions });
      }
    };
  };

  // Asks the door itself, beside the session, how close the limits are and whether the session will end: that is nobody's act and
  // wakes nothing. Tells once for each time that a limit comes close, and for each process that the kernel ended.
  const pressure = (Notification, settings) => {
    const CALM = 80; // below, the next time is told anew
    const session = new URL(settings.baseUrl).pathname.split('/').filter(Boolean).pop();
    const place = name => new URL(`../../sessions/${session}/${name}`, settings.baseUrl).href;
    const told = new Set();
    let every = 30; // seconds; the server says how often
    let ended;
    let waiting = 0;
    const left = leaving(Notification, async () => {
      const answer = await fetch(place('stay'), { method: 'POST', redirect: 'error', headers: { Accept: 'application/json' } });
      if (!answer.ok) {
        throw new Error(`the session's time was not extended: ${answer.status}`);
      }
    });
    const look = async () => {
      if (document.hidden) {
        return true;
      }
      const answer = await fetch(place('load'), { cache: 'no-store', redirect: 'error', headers: { Accept: 'application/json' } });
      if (!answer.ok) {
        return answer.status >= 500;
      }
      const { limits, killed, ends, every: seconds } = await answer.json();
      every = seconds || every;
      left(ends);
      for (const { key, percent, text } of limits) {
        if (text && !told.has(key)) {
          told.add(key);
          Notification.warning(text, { autoClose: false });
        } else if (percent < CALM) {
          told.delete(key);
        }
      }
      const last = killed ? killed.key : '';
      // What was ended long before this page was opened is no news.
      if (killed && last !== ended && (ended !== undefined || killed.age < 120)) {
        Notification.error(killed.text, { autoClose: false });
      }
      ended = last;
      return true;
    };
    const turn = async () => {
      clearTimeout(waiting);
      let goes = true;
      try {
        goes = await look();
      } catch (error) {
        console.warn(error);
      }
      clearTimeout(waiting);
      if (goes) {
        waiting = setTimeout(turn, every * 1000);
      }
    };
    // Whoever comes back to the page sees what is so now.
    document.addEventListener('visibilitychange', () => document.hidden || void turn());
    waiting = setTimeout(turn, 10000); // the launcher has looked once by then
  };

  const extension = async () => {
    const names = ['@jupyterlab/apputils', '@jupyterlab/filebrowser', '@jupyterlab/services'];
    const [{ showErrorMessage, Notification }, { IDefaultFileBrowser }, { ServerConnection }] = await Promise.all(
      names.map(load)
    );
    const plugin = {
      id: NAME + ':plugin',
      description: 'Shows why the server refused something, and warns before a limit is reached.',
      autoStart: true,
      optional: [IDefaultFileBrowser],
      activate: (app, browser) => {
        const show = (title, error) => void showErrorMessage(title, error);
        if (browser) {
          folders(browser.model, show);
        }
        terminals(app.commands, show);
        downloads(ServerConnection, app.serviceManager.serverSettings, show);
        if (Notification) {
          pressure(Notification, app.serviceManager.serverSettings);
        }
      }
    };
    return () => plugin;
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: scope => {
      shared = scope;
    },
    get: extension
  };
})();
