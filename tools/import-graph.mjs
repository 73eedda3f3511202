// Prints the imports between the folders of lib/ as a Mermaid diagram, and with --check fails on a cycle between files or
// an arrow that the design forbids (docs/architecture.md holds the diagram; --write puts it there).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const lib = join(root, 'lib');

// What each folder may import, beside itself. One row a layer; `contract` is stores/ without the stores.
const BELOW = {
  model: ['errors'],
  errors: [],
  version: [],
  time: ['model', 'errors'],
  triggers: ['model', 'errors', 'time'],
  persistence: ['model', 'errors', 'time'],
  events: ['model', 'errors', 'time'],
  // Numbers and spans: who counts and who traces knows nothing of what does the work. Then what shows them, each with its package.
  'observe/meter': ['model', 'errors', 'time'],
  'observe/opentelemetry': ['model', 'errors', 'version', 'observe/meter'],
  'observe/prometheus': ['observe/meter'],
  'stores (contract)': ['model', 'errors', 'time', 'persistence'],
  'stores/memory': ['model', 'errors', 'time', 'persistence', 'stores (contract)'],
  'stores/file': ['model', 'errors', 'time', 'persistence', 'stores (contract)'],
  'stores/typeorm': ['model', 'errors', 'time', 'persistence', 'stores (contract)'],
  'stores/redis': ['model', 'errors', 'time', 'persistence', 'stores (contract)'],
  'stores/mongoose': ['model', 'errors', 'time', 'persistence', 'stores (contract)'],
  schemas: ['model', 'errors'],
  executors: ['model', 'errors', 'time', 'stores (contract)'],
  // What becomes of a task: pure functions.
  'scheduler/plan': ['model', 'errors', 'triggers'],
  // The pass over one store: claim, start, renew, end.
  'scheduler/loop': [
    'model',
    'errors',
    'time',
    'triggers',
    'events',
    'observe/meter',
    'stores (contract)',
    'schemas',
    'executors',
    'scheduler/plan',
  ],
  // What people ask for. The engine keeps tasks in a memory store until its stores are open.
  'scheduler/tasks': [
    'model',
    'errors',
    'time',
    'triggers',
    'persistence',
    'events',
    'observe/meter',
    'stores (contract)',
    'stores/memory',
    'schemas',
    'executors',
    'scheduler/plan',
    'scheduler/loop',
  ],
  // What the schedulers that share a store do for each other.
  'scheduler/cluster': [
    'model',
    'errors',
    'time',
    'events',
    'stores (contract)',
    'scheduler/plan',
    'scheduler/loop',
    'scheduler/tasks',
  ],
  // What looks at all of it, and changes nothing: what more than one of them needs, then each by itself.
  observe: ['model', 'errors', 'time', 'stores (contract)', 'scheduler/tasks'],
  'observe/doctor': [
    'model',
    'errors',
    'time',
    'triggers',
    'stores (contract)',
    'scheduler/plan',
    'scheduler/loop',
    'scheduler/tasks',
    'scheduler/cluster',
    'observe',
  ],
  'observe/forecast': [
    'model',
    'errors',
    'time',
    'triggers',
    'stores (contract)',
    'scheduler/plan',
    'scheduler/tasks',
    'observe',
  ],
  // Gauges and health.
  'observe/health': [
    'model',
    'errors',
    'time',
    'events',
    'stores (contract)',
    'scheduler/loop',
    'scheduler/tasks',
    'scheduler/cluster',
    'observe/meter',
  ],
  // The scheduler, its options and its life. It makes a memory store where none is configured.
  scheduler: [
    'model',
    'errors',
    'version',
    'time',
    'triggers',
    'persistence',
    'events',
    'observe/meter',
    'stores (contract)',
    'stores/memory',
    'executors',
    'scheduler/plan',
    'scheduler/loop',
    'scheduler/tasks',
    'scheduler/cluster',
    'observe/doctor',
    'observe/forecast',
    'observe/health',
  ],
  // What can be asked from outside, as JSON. It runs in browsers: of the engine it knows types alone, which a test checks.
  client: [
    'model',
    'errors',
    'events',
    'triggers',
    'scheduler/tasks',
    'scheduler/cluster',
    'scheduler',
    'observe/doctor',
    'observe/forecast',
  ],
  // The same on a scheduler of this process.
  operations: [
    'model',
    'errors',
    'time',
    'events',
    'scheduler/tasks',
    'scheduler/cluster',
    'scheduler',
    'client',
    'observe/doctor',
    'observe/forecast',
  ],
  // It loads a store that needs a package when a configuration names its type, and not before.
  nest: [
    'model',
    'errors',
    'time',
    'triggers',
    'persistence',
    'events',
    'observe/meter',
    'stores (contract)',
    'stores/memory',
    'stores/file',
    'stores/typeorm',
    'stores/redis',
    'stores/mongoose',
    'executors',
    'scheduler/loop',
    'scheduler/tasks',
    'scheduler/cluster',
    'observe/health',
    'observe/prometheus',
    'observe/opentelemetry',
    'scheduler',
  ],
  // The operations over HTTP.
  api: [
    'model',
    'errors',
    'time',
    'events',
    'stores (contract)',
    'scheduler',
    'client',
    'operations',
    'nest',
    'version',
  ],
  testing: [
    'model',
    'errors',
    'time',
    'triggers',
    'persistence',
    'events',
    'stores (contract)',
    'stores/memory',
    'executors',
    'scheduler/plan',
    'scheduler/loop',
    'scheduler/tasks',
    'scheduler/cluster',
    'scheduler',
    'nest',
  ],
  // A face: it asks the operations, in the process or over HTTP. Of a database it has the SQL of its tables.
  cli: [
    'model',
    'errors',
    'version',
    'triggers',
    'events',
    'observe/doctor',
    'client',
    'operations',
    'stores (contract)',
    'stores/typeorm',
    'scheduler/tasks',
    'scheduler/cluster',
    'scheduler',
    'nest',
  ],
  index: null,
};

/** The folder of a file: stores/ is split into the contract and one folder for each store, scheduler/ and observe/ into their rooms. */
function folderOf(file) {
  const [first, second, third] = relative(lib, file).split('/');
  if (second === undefined) return first.replace(/\.ts$/, '');
  if (first === 'stores') return third === undefined ? 'stores (contract)' : `stores/${second}`;
  if ((first === 'scheduler' || first === 'observe') && third !== undefined) return `${first}/${second}`;
  return first;
}

function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

const IMPORT = /^(?:import|export)\s(?:[^'"]*?from\s*)?['"](\.[^'"]+)['"]|import\(['"](\.[^'"]+)['"]\)/gm;

const files = filesOf(lib);
const imports = new Map(
  files.map((file) => [
    file,
    [...readFileSync(file, 'utf8').matchAll(IMPORT)].map((match) =>
      resolve(dirname(file), match[1] ?? match[2]).replace(/\.js$/, '.ts'),
    ),
  ]),
);

const arrows = new Map();
const faults = [];
for (const [file, targets] of imports) {
  const from = folderOf(file);
  if (!(from in BELOW))
    faults.push(`${relative(root, file)}: the folder "${from}" has no place in tools/import-graph.mjs`);
  for (const target of targets) {
    const to = folderOf(target);
    if (to === from) continue;
    arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
    if (BELOW[from] && !BELOW[from].includes(to)) {
      faults.push(`${relative(root, file)} imports ${relative(root, target)}: "${from}" may not know "${to}"`);
    }
  }
}

const seen = new Map();
function findCycle(file, path) {
  if (seen.get(file) === 'done') return;
  if (seen.get(file) === 'open') {
    const cycle = [...path.slice(path.indexOf(file)), file].map((one) => relative(root, one));
    faults.push(`cycle: ${cycle.join(' -> ')}`);
    return;
  }
  seen.set(file, 'open');
  for (const target of imports.get(file) ?? []) findCycle(target, [...path, file]);
  seen.set(file, 'done');
}
// Types are erased, so a cycle of types alone does no harm at run time. It still has no place to begin reading.
for (const file of files) findCycle(file, []);

const id = (folder) => folder.replace(/\W/g, '_');
const order = Object.keys(BELOW).filter((folder) => folder !== 'index');
const diagram = [
  'graph TD',
  ...order
    .filter((folder) => arrows.has(folder) || [...arrows.values()].some((to) => to.has(folder)))
    .map((folder) => `  ${id(folder)}["${folder}"]`),
  ...order.flatMap((from) =>
    order.filter((to) => arrows.get(from)?.has(to)).map((to) => `  ${id(from)} --> ${id(to)}`),
  ),
].join('\n');

const page = join(root, 'docs', 'architecture.md');
const BLOCK = /```mermaid\n[\s\S]*?```/;
if (process.argv.includes('--write')) {
  writeFileSync(page, readFileSync(page, 'utf8').replace(BLOCK, `\`\`\`mermaid\n${diagram}\n\`\`\``));
} else if (process.argv.includes('--check')) {
  const written = BLOCK.exec(readFileSync(page, 'utf8'))?.[0];
  if (written !== `\`\`\`mermaid\n${diagram}\n\`\`\``)
    faults.push('docs/architecture.md: the diagram is old; run: npm run imports -- --write');
} else {
  console.log(diagram);
}
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
if (process.argv.includes('--check')) console.log(`imports: ${files.length} files, one direction, no cycle`);
