import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { assertTimezone, toInstant, toMilliseconds } from '../../../lib/time/inputs.js';

describe('toInstant', () => {
  it.each([
    ['2024-03-01T09:30:00Z', Date.UTC(2024, 2, 1, 9, 30)],
    ['2024-03-01T09:30:00+01:00', Date.UTC(2024, 2, 1, 8, 30)],
    ['2024-03-01 09:30:00-05:30', Date.UTC(2024, 2, 1, 15)],
    ['2024-03-01T09:30', Date.UTC(2024, 2, 1, 14, 30)],
    ['2024-03-01T09:30Z', Date.UTC(2024, 2, 1, 9, 30)],
    ['2024-03-01', Date.UTC(2024, 2, 1, 5)],
    ['2024-3-1', Date.UTC(2024, 2, 1, 5)],
    ['2024-03-01 9:05:07', Date.UTC(2024, 2, 1, 14, 5, 7)],
    ['2024-03-01T00:00:00.5Z', Date.UTC(2024, 2, 1, 0, 0, 0, 500)],
    ['2024-03-01T00:00:00.123456Z', Date.UTC(2024, 2, 1, 0, 0, 0, 123)],
    ['2024-02-29', Date.UTC(2024, 1, 29, 5)],
  ])('reads %s, without an offset in the zone', (text, expected) => {
    expect(toInstant(text, 'startAt', 'America/New_York')).toBe(expected);
  });

  it('moves a time that the clocks skip forward, and takes the first of two', () => {
    expect(toInstant('2024-03-10T02:30:00', 'at', 'America/New_York')).toBe(Date.UTC(2024, 2, 10, 7, 30));
    expect(toInstant('2024-11-03T01:30:00', 'at', 'America/New_York')).toBe(Date.UTC(2024, 10, 3, 5, 30));
  });

  it('takes a Date and milliseconds', () => {
    expect(toInstant(new Date(5), 'at')).toBe(5);
    expect(toInstant(1_700_000_000_000.7, 'at')).toBe(1_700_000_000_000);
  });

  it.each([
    '',
    'nope',
    '2024-02-30',
    '2024-13-01',
    '2024-00-01',
    '2023-02-29',
    '01/02/2024',
    '2024-01-02 10:00',
    '2024-01-01T00:00:00+0200',
    '2024-01-01Z',
    '2024-01-01T24:00:00',
    '2024-01-01T10:60:00',
    '2024-01-01T10:00:00+25:00',
    ' 2024-01-01',
    '2024-01-01T10:00:00.Z',
    NaN,
    Infinity,
    8.7e15,
    new Date(NaN),
    null,
    undefined,
    true,
    {},
  ])('refuses %j', (value) => {
    expect(() => toInstant(value, 'runAt')).toThrow(InvalidOptionError);
    expect(() => toInstant(value, 'runAt')).toThrow(/^Invalid runAt: .*ISO 8601/);
  });
});

describe('toMilliseconds', () => {
  it('reads numbers, short text and ISO 8601', () => {
    expect(toMilliseconds(250, 'delay')).toBe(250);
    expect(toMilliseconds('2h30m', 'delay')).toBe(9_000_000);
    expect(toMilliseconds('PT5M', 'delay')).toBe(300_000);
  });

  it.each([-1, '5', 'P1M', 'soon', NaN, Infinity, null])('refuses %j', (value) => {
    expect(() => toMilliseconds(value as never, 'delay')).toThrow(/^Invalid delay: .*that is not negative/);
  });

  it('names its bounds', () => {
    expect(() => toMilliseconds('1s', 'lease', { min: 5_000 })).toThrow(/of at least 5s/);
    expect(() => toMilliseconds('2h', 'lease', { max: 3_600_000 })).toThrow(/at most 1h/);
  });
});

describe('assertTimezone', () => {
  it.each([
    'UTC',
    'Europe/Lisbon',
    'Asia/Kolkata',
    'Asia/Calcutta',
    'EST5EDT',
    'Etc/GMT+5',
    '+05:30',
    '-03:00',
    '+00:00',
    '+14:00',
  ])('takes %s', (zone) => {
    expect(() => assertTimezone(zone, 'timezone')).not.toThrow();
  });

  it.each(['', '+5', '+0530', '+14:01', '-15:00', '+02:60', '05:30', 'Mars/Olympus', 5, null, undefined])(
    'refuses %j',
    (zone) => {
      expect(() => assertTimezone(zone, 'timezone')).toThrow(InvalidOptionError);
    },
  );

  it('names the zone and the nearest one', () => {
    expect(() => assertTimezone('Europe/Lisboa', 'timezone')).toThrow(
      'Invalid timezone: "Europe/Lisboa". Allowed: an IANA time zone; the nearest is "Europe/Lisbon".',
    );
  });
});
