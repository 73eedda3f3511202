import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownOptionError } from '../../../lib/errors/input.errors.js';
import { CronSyntaxError } from '../../../lib/errors/trigger.errors.js';
import { defaultTriggerRegistry } from '../../../lib/triggers/trigger.registry.js';
import { make } from './trigger.fixtures.js';

function failure(options: Readonly<Record<string, unknown>>): CronSyntaxError {
  try {
    make({ type: 'cron', ...options });
  } catch (error) {
    expect(error).toBeInstanceOf(CronSyntaxError);
    return error as CronSyntaxError;
  }
  return expect.unreachable(`${JSON.stringify(options)} was accepted`) as never;
}

describe('an error in a cron expression', () => {
  it('points at the character, says what is wrong and allowed, and proposes what was meant', () => {
    const error = failure({ expression: '0 25 * * *' });
    expect(error.message).toBe(
      [
        'Invalid cron expression: hour 25 does not exist (character 3). Allowed: 0-23, lists, ranges and steps.' +
          ' Did you mean "25 0 * * *" (the minute comes before the hour)?',
        '  0 25 * * *',
        '    ^^',
      ].join('\n'),
    );
    expect(error).toMatchObject({
      code: 'ASYNCZ_CRON_SYNTAX',
      expression: '0 25 * * *',
      position: 2,
      field: 'hour',
      allowed: '0-23, lists, ranges and steps',
      suggestion: '"25 0 * * *" (the minute comes before the hour)',
    });
  });

  it.each([
    ['60 * * * *', 0, 'minute 60 does not exist', '"0"'],
    ['0 24 * * *', 2, 'hour 24 does not exist', '"0"'],
    ['* * 0 * *', 4, 'day of the month 0 does not exist', null],
    ['0 0 32 * *', 4, 'day of the month 32 does not exist', null],
    ['0 0 1 13 *', 6, 'month 13 does not exist', '"0 0 13 1 *" (the day comes before the month)'],
    ['0 0 * * 8', 8, 'day of the week 8 does not exist', '"0 0 * 8 *" (the month comes before the weekday)'],
    ['0 0 * * monday', 8, '"monday" is no day of the week', '"mon"'],
    ['0 0 * * tus', 8, '"tus" is no day of the week', '"tue"'],
    ['0 0 1 juli *', 6, '"juli" is no month', '"jul"'],
    ['0 0 13 fri *', 7, '"fri" is no month', '"0 0 13 * fri" (the month comes before the weekday)'],
    ['*/0 * * * *', 2, 'a step of 0 goes nowhere', '"1"'],
    ['*/ * * * *', 2, 'the end where a step from 1 is expected', null],
    ['5- * * * *', 2, 'the end where a minute is expected', null],
    ['1,,2 * * * *', 2, '"," where a minute is expected', null],
    ['-1 * * * *', 0, '"-" where a minute is expected', null],
    ['1.5 * * * *', 1, '"." does not belong here', null],
    ['0 2pm * * *', 3, '"p" does not belong here', 'an hour from 0 to 23'],
    ['? * * * *', 0, '"?" stands for any day', '"*"'],
    ['0 0 * * L', 8, '"L" needs its weekday before it', '"5L"'],
    ['0 0 * * L3', 8, '"L" needs its weekday before it', '"3L"'],
    ['0 0 * * 5#6', 10, 'no month has a weekday number 6', null],
    ['0 0 * * 5#0', 10, 'no month has a weekday number 0', null],
    ['0 0 L-31 * *', 6, 'no month has a day 31 days before its last', null],
    ['0 0 32W * *', 4, 'day of the month 32 does not exist', null],
    ['H(5-70) * * * *', 0, 'H(5-70) is no range of it', null],
    ['H(9-5) * * * *', 0, 'H(9-5) is no range of it', null],
    ['0 0 0 1 1 * 2030-2020', 12, 'the range 2030-2020 goes backwards', '"2020-2030"'],
    ['0 0 0 1 1 * 1969', 12, 'year 1969 does not exist', null],
    ['0 0 1 1 * 2030', 10, 'day of the week 2030 does not exist', '"0 0 0 1 1 * 2030" (with the second first)'],
    ['* * * *', 0, 'it has 4 fields', '"* * * * *" (with the weekday last)'],
    ['* * * * * * * *', 0, 'it has 8 fields', null],
    ['', 0, 'it has 0 fields', null],
    ['dayly', 0, 'it has 1 field', '"@daily"'],
    ['@dayly', 0, '@dayly is not known', '@daily'],
    ['@reboot', 0, '@reboot is not known', '{ type: "startup" }'],
    ['@every 5m', 0, '@every 5m is not known', '{ type: "interval", every: "5m" }'],
    ['@__proto__', 0, '@__proto__ is not known', null],
    ['99999999999999999999999999 * * * *', 0, 'minute 99999999999999999999 does not exist', null],
  ])('%j: at %d, %s, meant %s', (expression, position, found, suggestion) => {
    const error = failure({ expression });
    expect(error.position).toBe(position);
    expect(error.message).toContain(found);
    expect(error.suggestion).toBe(suggestion);
    expect(error.message.split('\n')).toHaveLength(3);
    expect(error.message.split('\n')[2]!.indexOf('^')).toBe(position + 2);
  });

  it('shows the surroundings of a place far inside a long one', () => {
    const error = failure({ expression: `${'1,'.repeat(200)}61 * * * *` });
    const [, text, mark] = error.message.split('\n');
    expect(text!.length).toBeLessThan(130);
    expect(text!.slice(mark!.indexOf('^'), mark!.lastIndexOf('^') + 1)).toBe('61');
  });

  it('keeps control characters out of the text that it shows', () => {
    expect(failure({ expression: '0 \u0007\u001b * * *' }).message.split('\n')[1]).toBe('  0 ?? * * *');
  });

  it.each([
    [{ hour: 24 }, 'hour 24 does not exist'],
    [{ minute: '1 - 3' }, '"-" does not belong here'],
    [{ day: '2nd' }, 'the weekday is missing after "2nd"'],
    [{ day: 'last mond' }, '"mond" is no day of the month'],
    [{ week: 54 }, 'ISO week 54 does not exist'],
    [{ hour: '*/24', dialect: 'asyncz' }, 'the step 24 is longer than the range 0-23'],
    [{ dayOfWeek: 'fri-mon', dialect: 'asyncz' }, 'the range fri-mon goes backwards'],
    [{ dayOfWeek: 'mon-5', dialect: 'asyncz' }, 'a name and a number in one range'],
    [{ dayOfWeek: 7, dialect: 'asyncz' }, 'day of the week 7 does not exist'],
    [{ expression: '0 0 * * * *', dialect: 'asyncz' }, 'it has 6 fields'],
    [{ expression: '@daily', dialect: 'asyncz' }, 'it has 1 field'],
  ])('%j: %s', (options, found) => {
    expect(failure(options).message).toContain(found);
  });

  it('is one, for a task, where nothing is given at all', () => {
    const task = { now: 0, timezone: 'UTC', strict: true };
    expect(() => defaultTriggerRegistry.create({ type: 'cron', expression: undefined }, task)).toThrow(
      /Invalid expression: undefined. Allowed: an expression, or at least one field/,
    );
    expect(defaultTriggerRegistry.create({ type: 'cron', expression: '* * * * * *' }, task).describe()).toBe(
      'every second, UTC',
    );
  });

  it('is another one where it is no text at all', () => {
    expect(() => make({ type: 'cron', expression: 5 })).toThrow(InvalidOptionError);
    expect(() => make({ type: 'cron', hour: true })).toThrow(InvalidOptionError);
    expect(() => make({ type: 'cron', expression: '* * * * *', hour: 5 })).toThrow(
      /Invalid hour: 5. Allowed: nothing when "expression"/,
    );
    expect(() => make({ type: 'cron', hours: 3 })).toThrow(UnknownOptionError);
    expect(() => make({ type: 'cron', expression: '* * * * *', dialect: 'vixie' })).toThrow(
      /"standard", "asyncz", "quartz", "spring" or "aws"/,
    );
    expect(() => make({ type: 'cron', expression: '* * * * *', dst: { gap: 'first' } })).toThrow(/Invalid dst.gap/);
    expect(() => make({ type: 'cron', expression: '* * * * *', dst: { gaps: 'skip' } })).toThrow(UnknownOptionError);
  });
});
