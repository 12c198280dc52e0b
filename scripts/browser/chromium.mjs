/** A browser to look with: Chromium or Chrome of the machine, through playwright-core, which brings none of its own. */
import fs from 'node:fs';
import path from 'node:path';
import { which } from '../setup/system.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars'],
];

/** The browser named by CHROMIUM, else the first found on PATH, else null. */
export function findBrowser(env = process.env) {
  if (env.CHROMIUM) return which(env.CHROMIUM, env);
  return NAMES.map((name) => which(name, env)).find(Boolean) ?? null;
}

/** Why browser tests cannot run, or false. */
export function noBrowser() {
  if (findBrowser()) return false;
  return 'no browser: install chromium (on Debian `sudo apt install chromium`) or name one by CHROMIUM';
}

/** A headless browser with an empty profile in `folder`. The caller closes it. */
export async function openBrowser(folder, viewport = { width: 1280, height: 1000 }) {
  const { chromium } = await import('playwright-core');
  const profile = path.join(folder, 'profile');
  fs.mkdirSync(profile, { recursive: true });
  return chromium.launchPersistentContext(profile, { executablePath: findBrowser(), args: FLAGS, chromiumSandbox: false, viewport });
}
