/**
 * A program with a process of its own, for tests: speaks control.md over the real socket with the native verbs alone. Takes one JSON
 * request a line, `{m, p}`, and prints one answer a line, `{r}` or `{e}`; descriptors stay open. `--uid N` and `--gid N` become that
 * user first. With `--serve` it announces itself as `node`, accepts one flow, and says nothing.
 */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { Packr } from 'msgpackr';

const require = createRequire(import.meta.url);
const os = require('../../native/build/ouro.node');
const packr = new Packr({ useRecords: false, mapsAsObjects: true, moreTypes: false });
const [path, ...options] = process.argv.slice(2);
const option = (name) => {
  const at = options.indexOf(name);
  return at < 0 ? undefined : Number(options[at + 1]);
};
if (option('--gid') !== undefined) process.setgid(option('--gid'));
if (option('--uid') !== undefined) {
  process.setgroups([]);
  process.setuid(option('--uid'));
}
const serves = options.includes('--serve');
const say = (message) => {
  if (!serves) process.stdout.write(`${JSON.stringify(message)}\n`);
};
const fd = os.unixConnect(path, 'seqpacket');
if (fd < 0) {
  say({ errno: fd });
  process.exit(0);
}
say({ pid: process.pid });
os.watch(fd, 1, () => {
  const buffer = new Uint8Array(65536);
  const got = os.recvMsg(fd, buffer, 0, buffer.length, []);
  if (got === 0 || got === -104) {
    say({ closed: true });
    process.exit(0);
  }
  if (got > 0) say(packr.unpack(buffer.subarray(0, got)));
});
let next = 1;
const send = (bytes) => os.sendMsg(fd, bytes, 0, bytes.length, []);
const call = (m, p) => send(packr.pack({ i: next++, m, p }));
if (serves) {
  call('announce', { program: 'node' });
  call('flow_accept', {});
} else {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { m, p, raw } = JSON.parse(line);
    if (raw === undefined) call(m, p);
    else send(Uint8Array.from(raw));
  });
}
