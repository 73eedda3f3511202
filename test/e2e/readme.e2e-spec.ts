import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODULE_OPTIONS } from '../../lib/nest/asyncz-core.module.js';
import { POLICY_OPTIONS } from '../../lib/model/task.policies.js';
import { freePort } from '../support/servers/owned-process.mjs';
import { PrintingProcess } from '../support/printing.process.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const read = (page: string) => readFileSync(join(root, page), 'utf8');
const markdownIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));

const SAMPLE_PAGES = readdirSync(join(root, 'sample')).map((name) => `sample/${name}/README.md`);
const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...markdownIn('docs'), ...SAMPLE_PAGES];

/** The pages whose code is compiled; other pages have tests of their own. */
const CODE_PAGES = [
  'README.md',
  'docs/nestjs.md',
  'docs/engine.md',
  'docs/execution.md',
  'docs/events.md',
  'docs/steps.md',
  'docs/observability.md',
];

function blocksOf(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code!,
  );
}

/** The anchors that GitHub makes of headings. */
function anchorsOf(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Compiled inside the repository, so that `nestjs-asyncz` is what a user gets: the built package by its exports. */
const compiled = join(root, '.cache', `readme-${process.pid}`);

const nameOf = (page: string, at: number) => `${page.replace(/\W/g, '-')}-${at + 1}`;

/**
 * Compiles every block as a module of its own, so that what one declares is no help to another, and all in one go, since
 * the compiler takes longer to read what they import than to compile them. Those that declare handlers for the whole program are
 * another one.
 *
 * @returns What the compiler has to say.
 */
function compileAll(): string {
  const programs: Record<string, string[]> = { plain: [], declaring: [] };
  for (const page of CODE_PAGES) {
    blocksOf(page, 'ts').forEach((code, at) => {
      const example = join(nameOf(page, at), 'example.ts');
      mkdirSync(join(compiled, nameOf(page, at)), { recursive: true });
      writeFileSync(join(compiled, example), code);
      programs[code.includes('declare module') ? 'declaring' : 'plain']!.push(example);
    });
  }
  return Object.entries(programs)
    .map(([name, include]) => compile(`${name}.json`, include))
    .join('');
}

/** @param include The files of the program. */
function compile(name: string, include: readonly string[]): string {
  const compilerOptions = {
    noEmit: false,
    rootDir: '.',
    outDir: 'out',
    paths: {},
    noUnusedLocals: false,
    moduleDetection: 'force',
  };
  writeFileSync(join(compiled, name), JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include }));
  try {
    return execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(compiled, name)], { encoding: 'utf8' });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

let messages: string;
let scratch: string;

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('The package is not built: npm run build');
  scratch = mkdtempSync(join(tmpdir(), 'asyncz-readme-'));
  messages = compileAll();
});
afterAll(() => {
  rmSync(compiled, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
});

describe('the code in the documentation', () => {
  for (const page of CODE_PAGES) {
    const blocks = blocksOf(page, 'ts');
    it(`of ${page} compiles, each block by itself`, () => {
      expect(blocks.length).toBeGreaterThan(0);
      expect(messages).toBe('');
      blocks.forEach((_, at) => expect(existsSync(join(compiled, 'out', nameOf(page, at), 'example.js'))).toBe(true));
    });
  }

  it('begins with an example of 15 lines at the most, which runs, and goes on after a restart', async () => {
    const [code] = blocksOf('README.md', 'ts');
    expect(code!.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(15);
    const example = join(compiled, 'out', nameOf('README.md', 0), 'example.js');
    for (let start = 1; start <= 2; start += 1) {
      const app = new PrintingProcess(process.execPath, [example], { cwd: scratch });
      await app.line(/^swept$/, { from: 0 });
      app.kill('SIGINT');
      await app.ended;
      expect(app.lines.at(-1)).toMatch(/Scheduler "default" .+ stopped/);
    }
    expect(readdirSync(join(scratch, 'var/tasks'))).toContain('reports.sweep.task');
  });
});

describe('the commands in the documentation', () => {
  const commandsOf = (page: string) =>
    blocksOf(page, 'sh').flatMap((block) =>
      block
        .trim()
        .split('\n')
        .flatMap((line) => line.split(' && ')),
    );

  it('are the two that everything can be done with, word for word', () => {
    expect(blocksOf('README.md', 'sh')).toEqual(
      expect.arrayContaining(['npm ci && npm start\n', 'npm ci && npm test\n']),
    );
    // That one would run this very test; `.ci/run` runs it from a clean checkout.
    expect(manifest.scripts.test).toBe('node tools/run-tests.mjs');
    expect(existsSync(join(root, 'tools/run-tests.mjs'))).toBe(true);
    expect(read('.ci/run')).toMatch(/^npm ci$[\s\S]+^npm test$/m);
  });

  // It builds all of it once more.
  it('work in a fresh copy of the repository', { timeout: 300_000 }, async () => {
    const copy = join(scratch, 'copy');
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' });
    for (const file of files.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))) {
      cpSync(join(root, file), join(copy, file));
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const port = await freePort();
    let app: PrintingProcess | null = null;
    const ran: string[] = [];
    for (const command of [...commandsOf('README.md'), ...commandsOf('sample/01-quickstart/README.md')]) {
      ran.push(command.split(' ').slice(0, 2).join(' '));
      if (command === 'npm test') continue;
      if (command === 'npm start') {
        if (app) continue;
        app = new PrintingProcess('npm', ['start'], { cwd: copy, env: { PORT: `${port}` } });
        await app.line(/Listening on/, { from: 0 });
      } else if (command === 'npm ci') {
        // The packages are there already; that the lock file fits is what can be wrong in a fresh copy.
        execFileSync('npm', ['ci', '--dry-run', '--prefer-offline'], { cwd: copy, stdio: 'pipe' });
      } else if (command.startsWith('curl ')) {
        const output = execFileSync('bash', ['-c', command.replace('localhost:3000', `127.0.0.1:${port}`)], {
          encoding: 'utf8',
        });
        expect(JSON.stringify(JSON.parse(output))).toContain('"text":"tea"');
      } else if (command.startsWith('npx asyncz ')) {
        execFileSync('bash', ['-c', command.replace('npx asyncz', 'node dist/esm/cli.js')], {
          cwd: copy,
          stdio: 'pipe',
        });
      } else {
        throw new Error(`The test does not know what to do with this command of the documentation: ${command}`);
      }
    }
    expect(new Set(ran)).toEqual(new Set(['npm ci', 'npm start', 'npm test', 'curl -s', 'npx asyncz']));
    await app!.line(/reminders\.deliver: "tea"/, { from: 0 });
    app!.kill('SIGINT');
    await app!.ended;
    expect(app!.lines.at(-1)).toMatch(/Scheduler "default" .+ stopped/);
    expect(existsSync(join(copy, 'var/quickstart/tasks'))).toBe(true);
  });

  it('name only scripts that there are', () => {
    for (const page of PAGES) {
      for (const [, script] of read(page).matchAll(/npm run (?:--silent )?([a-z:-]+)/g)) {
        expect(Object.keys(manifest.scripts), page).toContain(script);
      }
    }
  });
});

describe('the guide to the module', () => {
  it('names every option of the module and every policy of a task', () => {
    const guide = read('docs/nestjs.md');
    for (const option of [...MODULE_OPTIONS, ...POLICY_OPTIONS]) expect(guide).toContain(`\`${option}\``);
  });
});

describe('the links of the documentation', () => {
  it.each(PAGES)('of %s lead somewhere', (page) => {
    for (const [, target] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      const [path, anchor] = target!.split('#');
      const file = path === '' ? join(root, page) : join(root, dirname(page), path!);
      expect(existsSync(file), `${target} in ${page}`).toBe(true);
      if (anchor) expect(anchorsOf(file), `${target} in ${page}`).toContain(anchor);
    }
  });
});
