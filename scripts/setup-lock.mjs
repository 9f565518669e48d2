// One set-up at a time in a working copy: two at once (`npm start` in one terminal, `npm test` in another) take turns.
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const holder = `${hostname()} ${process.pid}`;
const heartbeatMs = 2_000;
/** A holder that did not touch its lock for this long is gone, be it on another machine or in another container. */
const staleMs = 20_000;

/**
 * Takes the lock file, waiting for the set-up that holds it; it is given back when this process ends.
 * `onWait` is called once if there is a wait.
 */
export async function takeLock(path, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  for (let waited = false; !create(path); ) {
    if (removeIfStale(path)) continue;
    if (!waited) onWait();
    waited = true;
    await sleep(200);
  }
  setInterval(() => touch(path), heartbeatMs).unref();
  process.on('exit', () => {
    if (read(path)?.holder === holder) rmSync(path, { force: true });
  });
}

function create(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, holder);
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a stale lock aside first: of several that see it stale, one succeeds, and nobody removes a fresh one. */
function removeIfStale(path) {
  const before = read(path);
  if (before === undefined) return true;
  if (!isStale(before)) return false;
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    const moved = read(aside);
    if (moved !== undefined && moved.holder !== before.holder) renameSync(aside, path);
    else rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return true;
}

function read(path) {
  try {
    return { holder: readFileSync(path, 'utf8'), ageMs: Date.now() - statSync(path).mtimeMs };
  } catch {
    return undefined;
  }
}

function isStale({ holder, ageMs }) {
  const [host, pid] = holder.split(' ');
  return ageMs > staleMs || (host === hostname() && pid !== undefined && !isAlive(Number(pid)));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Whoever removed it did so on purpose.
  }
}
