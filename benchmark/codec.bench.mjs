/**
 * What a task costs on its way to a store and back, in nanoseconds a call.
 *
 * npm run build && node benchmark/codec.bench.mjs
 */
import { createCodecFactory, DEFAULT_MAX_PAYLOAD_BYTES } from '../dist/persistence/codec.factory.js';
import { KeyRing } from '../dist/persistence/key-ring.js';
import { SerializerRegistry } from '../dist/persistence/serializer.registry.js';
import { makeLiveRun, makeRun, makeTask } from '../dist/testing/task.fixtures.js';

const ROUND_MS = 400;
const ROUNDS = 5;

const at = 1_600_000_000_000;
const fields = {
  nextRunTime: at,
  trigger: { type: 'cron', expression: '0 2 * * *', timezone: 'Europe/Lisbon' },
  tags: ['reports'],
  state: { live: [makeLiveRun('r', { status: 'running', owner: 'host-1-abcd', token: 7, leaseUntil: at + 30_000 })] },
};
const tasks = {
  'plain arguments': makeTask('reports.nightly', { ...fields, args: [{ report: 7, to: ['a@example.org'] }] }),
  'a Map and a Date': makeTask('reports.nightly', { ...fields, args: [new Map([['at', new Date(at)]])] }),
  '64 KiB of arguments': makeTask('reports.nightly', {
    ...fields,
    args: [Array.from({ length: 1_000 }, (_, index) => ({ index, text: 'x'.repeat(40) }))],
  }),
};
const run = makeRun('r', { result: { rows: 12, ok: true } });

/** The fastest of a few rounds: what disturbs a measurement only ever makes it slower. */
function nanoseconds(work) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    const end = start + BigInt(ROUND_MS) * 1_000_000n;
    let calls = 0;
    let now = start;
    while (now < end) {
      for (let index = 0; index < 50; index += 1) work();
      calls += 50;
      now = process.hrtime.bigint();
    }
    best = Math.min(best, Number(now - start) / calls);
  }
  return Math.round(best);
}

const rows = [];
for (const [encryption, keyRing] of [
  ['in clear', null],
  ['encrypted', KeyRing.create('a secret of the benchmark')],
]) {
  const codec = createCodecFactory({
    namespace: 'main',
    serializers: new SerializerRegistry(),
    keyRing,
    allowPlaintext: false,
    maxPayloadBytes: DEFAULT_MAX_PAYLOAD_BYTES,
  })();
  for (const [name, task] of Object.entries(tasks)) {
    const row = codec.encodeTask(task);
    rows.push({
      what: `${name}, ${String(encryption)}`,
      bytes: Buffer.byteLength(row.definition),
      encodeTask: nanoseconds(() => codec.encodeTask(task)),
      decodeTask: nanoseconds(() => codec.decodeTask(row)),
      encodeState: nanoseconds(() => codec.encodeState(task)),
    });
  }
  const row = codec.encodeRun(run);
  rows.push({
    what: `a run with a result, ${String(encryption)}`,
    bytes: Buffer.byteLength(row.outcome),
    encodeRun: nanoseconds(() => codec.encodeRun(run)),
    decodeRun: nanoseconds(() => codec.decodeRun(row)),
  });
}
console.log(`Node ${process.version}; nanoseconds a call`);
console.table(rows);
