import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Chromium needs no sandbox for our own page, no graphics card, and no network but localhost. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the installed Chromium, headless. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: await findChromium(), args: [...ARGS, ...args] });
}

async function findChromium(): Promise<string> {
  const { CHROMIUM_BINARY, PATH = '' } = process.env;
  if (CHROMIUM_BINARY) return CHROMIUM_BINARY;
  const folders = PATH.split(delimiter).filter(Boolean);
  for (const path of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if (await isExecutable(path)) return path;
  }
  throw new Error(
    `The browser tests found none of ${NAMES.join(', ')} on PATH. Install one ` +
      '(`apt install chromium`), or name its path in CHROMIUM_BINARY.',
  );
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
