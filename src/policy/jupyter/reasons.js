// Shows why the server refused something where JupyterLab by itself shows nothing (its file browser, a folder that can't
// be opened; a new terminal) or only the browser does (a download), and warns before a limit of the session is reached. Nothing
// is enforced here, and nothing depends on it.
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

  // Asks the door itself, beside the session, how close the limits are: that is nobody's act and wakes nothing. Tells once for
  // each time that a limit comes close, and for each process that the kernel ended.
  const pressure = (Notification, settings) => {
    const EVERY = 30000; // a warning half a minute late mostly leaves time still
    const CALM = 80; // below, the next time is told anew
    const session = new URL(settings.baseUrl).pathname.split('/').filter(Boolean).pop();
    const url = new URL(`../../sessions/${session}/load`, settings.baseUrl).href;
    const told = new Set();
    let ended;
    const look = async () => {
      if (document.hidden) {
        return true;
      }
      const answer = await fetch(url, { cache: 'no-store', redirect: 'error', headers: { Accept: 'application/json' } });
      if (!answer.ok) {
        return answer.status >= 500;
      }
      const { limits, killed } = await answer.json();
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
      return limits.length > 0 || killed;
    };
    const turn = async () => {
      let goes = true;
      try {
        goes = await look();
      } catch (error) {
        console.warn(error);
      }
      if (goes) {
        setTimeout(turn, EVERY);
      }
    };
    setTimeout(turn, 10000); // the launcher has looked once by then
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
