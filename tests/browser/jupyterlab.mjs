// A private JupyterLab server, and the gestures a person makes in it.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { expect } from "./chromium.mjs";

/** Starts JupyterLab in `folder` on a free port of localhost, without a token. */
export async function startServer(jupyter, folder) {
  const port = await freePort();
  const server = spawn(
    jupyter,
    [
      "lab",
      "--no-browser",
      "--ServerApp.ip=127.0.0.1",
      `--ServerApp.port=${port}`,
      "--ServerApp.port_retries=0",
      `--ServerApp.root_dir=${folder}`,
      "--IdentityProvider.token=",
      "--ServerApp.password=",
      "--ServerApp.disable_check_xsrf=True",
      // The page shows only the cells in view; the whole notebook is read through the application.
      "--LabApp.expose_app_in_browser=True",
      ...(process.getuid?.() === 0 ? ["--allow-root"] : []),
    ],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  const log = [];
  for (const pipe of [server.stdout, server.stderr]) {
    pipe.on("data", (text) => log.push(String(text)));
  }
  const url = `http://127.0.0.1:${port}`;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const stop = async () => {
    server.kill("SIGTERM");
    const timer = setTimeout(() => server.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  };
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (server.exitCode !== null) {
      break;
    }
    try {
      const answer = await fetch(`${url}/api/status`);
      if (answer.ok) {
        return { url, log, stop };
      }
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await stop();
  throw new Error(`JupyterLab did not start:\n${log.join("")}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Opens a notebook and waits until its kernel is idle. */
export async function openNotebook(page, server, notebook) {
  await page.goto(`${server.url}/lab/tree/${notebook}`);
  await page.waitForFunction(
    () => (globalThis.jupyterapp?.shell.currentWidget?.content?.model?.cells?.length ?? 0) > 1,
    undefined,
    { timeout: 60_000 },
  );
  await kernelIdle(page);
}

/** The page is connected to the kernel and nothing runs; a cell run before that is dropped by JupyterLab. */
export function kernelIdle(page, timeout = 60_000) {
  return page.waitForFunction(
    () => {
      const kernel = globalThis.jupyterapp?.shell.currentWidget?.context?.sessionContext?.session?.kernel;
      return kernel?.connectionStatus === "connected" && kernel.status === "idle";
    },
    undefined,
    { timeout },
  );
}

/** Scrolls to a cell, by its index in the notebook. */
export const showCell = (page, index) =>
  page.evaluate((at) => globalThis.jupyterapp.shell.currentWidget.content.scrollToItem(at), index);

/** Runs a cell and waits for its end, not for the map it shows; an error of it fails the check. */
export async function runCell(page, index) {
  const error = await page.evaluate(async (at) => {
    const notebook = globalThis.jupyterapp.shell.currentWidget.content;
    await notebook.scrollToItem(at);
    notebook.activeCellIndex = at;
    notebook.deselectAll();
    await globalThis.jupyterapp.commands.execute("notebook:run-cell");
    return notebook.model.cells.get(at).toJSON().outputs.find((output) => output.output_type === "error")?.evalue;
  }, index);
  expect(error === undefined, `cell ${index}: ${error}`);
}

/** Scrolls to a cell and selects it in command mode, by its index in the notebook. */
export async function selectCell(page, index) {
  await showCell(page, index);
  const cell = page.locator(`.jp-Notebook [data-windowed-list-index="${index}"]`);
  const editor = cell.locator(".jp-InputArea-editor .cm-content");
  await ((await editor.count()) > 0 && (await editor.first().isVisible()) ? editor : cell.locator(".jp-InputPrompt")).first().click();
  await page.keyboard.press("Escape");
}

/** Number of cells of the notebook, and the errors among its outputs. */
export function cells(page) {
  return page.evaluate(() => {
    const { model } = globalThis.jupyterapp.shell.currentWidget.content;
    const outputs = [...model.cells].flatMap((cell) => cell.toJSON().outputs ?? []);
    const errors = outputs.filter((output) => output.output_type === "error");
    return {
      count: model.cells.length,
      errors: errors.map((error) => `${error.ename}: ${error.evalue}`),
    };
  });
}

/** Chooses an entry of a menu of the menu bar by the texts on the way. */
export async function menu(page, bar, ...entries) {
  await page.locator(".lm-MenuBar-item", { hasText: new RegExp(`^${bar}$`) }).click();
  for (const [depth, entry] of entries.entries()) {
    const item = page.locator(".lm-Menu").nth(depth).locator(".lm-Menu-item", { hasText: entry }).first();
    await item.hover();
    if (depth === entries.length - 1) {
      await item.click();
    }
  }
}
