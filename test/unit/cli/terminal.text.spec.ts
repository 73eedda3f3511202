import { describe, expect, it } from 'vitest';
import { Printer } from '../../../lib/cli/output/printer.js';
import { terminalJson, terminalText, withoutSecrets } from '../../../lib/cli/output/terminal.text.js';
import { relativeTime, shownDuration, shownTime } from '../../../lib/cli/output/times.js';

const EVIL = '\u001b[2J\u0007a\u009bb\u202ec\r\nd\u200be';

describe('what is written to a terminal', () => {
  it('shows control characters and marks of direction, and sends none', () => {
    expect(terminalText(EVIL)).toBe('\\x1b[2J\\x07a\\x9bb\\u{202e}c\\r\\nd\\u{200b}e');
    expect(terminalText('Grüße, 東京 🚀')).toBe('Grüße, 東京 🚀');
  });

  it('escapes them in JSON, which is the same value when it is parsed', () => {
    const written = terminalJson({ [EVIL]: EVIL }, 2);
    // oxlint-disable-next-line no-control-regex
    expect(written).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u200b]/);
    expect(JSON.parse(written)).toEqual({ [EVIL]: EVIL });
  });

  it('obeys nothing of a record in tables and fields, and colours what says how it stands', () => {
    let out = '';
    const io = { out: (text: string) => (out += text), colours: true, now: () => 0 };
    const print = new Printer(io as never);
    print.table(['ID', 'STATE'], [[EVIL, 'failed']], 'None');
    print.fields({ id: EVIL });
    print.line(EVIL);
    print.block(`one\n${EVIL}`);
    print.heading(EVIL);
    // Only its own colours are left.
    // oxlint-disable-next-line no-control-regex
    expect(out.replaceAll(/\u001b\[\d+m/g, '')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(out).toContain('\u001b[31mfailed\u001b[39m');
  });

  it('hides passwords and tokens', () => {
    expect(withoutSecrets('postgres://u:p%40ss@h/db and redis://:x@h', [])).toBe(
      'postgres://***@h/db and redis://***@h',
    );
    expect(withoutSecrets('mysql://u:a/b@h/db')).toBe('mysql://***@h/db');
    expect(withoutSecrets('https://h/asyncz?a=1 token s3cret', ['s3cret'])).toBe('https://h/asyncz?a=1 token ***');
  });

  it('shows relative times beside absolute ones', () => {
    const now = Date.UTC(2026, 0, 15, 12);
    // How it abbreviates units is up to the version of Node.js.
    expect(shownTime('2026-01-15T12:05:30.250Z', now)).toMatch(/^2026-01-15 12:05:30Z \(in 5\s?m\w*\)$/);
    expect(shownTime('2026-01-13T11:00:00.000Z', now)).toMatch(/^2026-01-13 11:00:00Z \(2\s?d\w* ago\)$/);
    expect(shownTime(null, now)).toBe('-');
    expect(relativeTime(now + 400, now)).toBe('now');
    expect([shownDuration(12), shownDuration(1_500), shownDuration(61_000)]).toEqual(['12 ms', '1.5 s', '1 min 1 s']);
  });
});
