// Shows why the server refused something where JupyterLab by itself shows nothing (its file browser, a folder that can't
// be opened; a new terminal) or only the browser does (a download). Nothing is enforced here, and nothing depends on it.
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

  const extension = async () => {
    const names = ['@jupyterlab/apputils', '@jupyterlab/filebrowser', '@jupyterlab/services'];
    const [{ showErrorMessage }, { IDefaultFileBrowser }, { ServerConnection }] = await Promise.all(names.map(load));
    const plugin = {
      id: NAME + ':plugin',
      description: 'Shows why the server refused something.',
      autoStart: true,
      optional: [IDefaultFileBrowser],
      activate: (app, browser) => {
        const show = (title, error) => void showErrorMessage(title, error);
        if (browser) {
          folders(browser.model, show);
        }
        terminals(app.commands, show);
        downloads(ServerConnection, app.serviceManager.serverSettings, show);
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
