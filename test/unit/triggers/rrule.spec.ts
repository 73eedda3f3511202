import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownOptionError } from '../../../lib/errors/input.errors.js';
import { at, iso, make, runs, SEED } from './trigger.fixtures.js';

function rule(
  text: string,
  now: string,
  count: number,
  options: Readonly<Record<string, unknown>> = {},
): (string | null)[] {
  return runs({ type: 'rrule', rule: text, ...options }, now, count);
}

// The examples of RFC 5545, section 3.8.5.3, all from 2 September 1997, 09:00 in New York (EDT, 4 hours behind UTC).
const RFC = { startAt: '1997-09-02T09:00:00', timezone: 'America/New_York' };

describe('a recurrence rule', () => {
  it.each([
    ['FREQ=DAILY;COUNT=3', ['1997-09-02', '1997-09-03', '1997-09-04', null]],
    ['FREQ=DAILY;UNTIL=19970904T000000Z', ['1997-09-02', '1997-09-03', null]],
    ['FREQ=DAILY;INTERVAL=10;COUNT=3', ['1997-09-02', '1997-09-12', '1997-09-22', null]],
    ['FREQ=WEEKLY;INTERVAL=2;WKST=SU', ['1997-09-02', '1997-09-16', '1997-09-30']],
    [
      'FREQ=WEEKLY;INTERVAL=2;COUNT=4;WKST=SU;BYDAY=TU,TH',
      ['1997-09-02', '1997-09-04', '1997-09-16', '1997-09-18', null],
    ],
    ['FREQ=MONTHLY;COUNT=3;BYDAY=1FR', ['1997-09-05', '1997-10-03', '1997-11-07', null]],
    ['FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU', ['1997-09-07', '1997-09-28', '1997-11-02', '1997-11-30', null]],
    ['FREQ=MONTHLY;BYMONTHDAY=-3', ['1997-09-28', '1997-10-29', '1997-11-28', '1997-12-29']],
    ['FREQ=YEARLY;COUNT=4;BYMONTH=6,7', ['1998-06-02', '1998-07-02', '1999-06-02', '1999-07-02', null]],
    ['FREQ=YEARLY;INTERVAL=3;COUNT=3;BYYEARDAY=1,100,200', ['2000-01-01', '2000-04-09', '2000-07-18', null]],
    ['FREQ=YEARLY;BYDAY=20MO', ['1998-05-18', '1999-05-17', '2000-05-15']],
    ['FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', ['1998-05-11', '1999-05-17', '2000-05-15']],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', ['1998-02-13', '1998-03-13', '1998-11-13']],
    ['FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8', ['1997-11-04', '2001-11-06', '2005-11-08']],
    ['FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3', ['1997-09-04', '1997-10-07', '1997-11-06', null]],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2', ['1997-09-29', '1997-10-30', '1997-11-27']],
  ])('%s gives what RFC 5545 says', (text, expected) => {
    const found = rule(text, '1997-09-01T00:00', expected.length, RFC);
    expect(found.map((run) => run?.slice(0, 10) ?? null)).toEqual(expected);
    // At 09:00 in New York, summer and winter.
    for (const run of found) if (run !== null) expect(['13:00', '14:00']).toContain(run.slice(11));
  });

  it('moves a time that the clocks skip forward, and takes the first of two, as the RFC has it', () => {
    const options = { timezone: 'Europe/Lisbon', startAt: '2024-03-30T01:30:00' };
    expect(rule('FREQ=DAILY', '2024-03-31T00:00', 2, options)).toEqual(['2024-03-31T01:30', '2024-04-01T00:30']);
    expect(rule('FREQ=DAILY', '2024-10-26T12:00', 2, options)).toEqual(['2024-10-27T00:30', '2024-10-28T01:30']);
    expect(rule('FREQ=DAILY', '2024-10-26T12:00', 2, { ...options, dst: { overlap: 'second' } })).toEqual([
      '2024-10-27T01:30',
      '2024-10-28T01:30',
    ]);
  });

  it('reads the lines that calendars export', () => {
    const text = [
      'DTSTART;TZID=Europe/Lisbon:20250106T090000',
      'RRULE:FREQ=WEEKLY;BYDAY=MO,',
      ' FR;COUNT=4',
      'EXDATE;TZID=Europe/Lisbon:20250110T090000,20250113T090000',
      'RDATE:20250120T120000Z',
      '',
    ].join('\r\n');
    expect(rule(text, '2025-01-01T00:00', 4)).toEqual([
      '2025-01-06T09:00',
      '2025-01-17T09:00',
      '2025-01-20T12:00',
      null,
    ]);
    expect(make({ type: 'rrule', rule: text }).toJSON()).toEqual({
      type: 'rrule',
      rule: 'FREQ=WEEKLY;BYDAY=MO,FR;COUNT=4',
      startAt: '2025-01-06T09:00:00.000Z',
      timezone: 'Europe/Lisbon',
      exDates: ['2025-01-10T09:00:00.000Z', '2025-01-13T09:00:00.000Z'],
      rDates: ['2025-01-20T12:00:00.000Z'],
    });
  });

  it('ends with the day, the wall-clock time or the instant that UNTIL names', () => {
    const options = { startAt: '2025-01-01T20:00:00', timezone: 'America/New_York' };
    expect(rule('FREQ=DAILY;UNTIL=20250102', '2025-01-01T00:00', 3, options)).toEqual([
      '2025-01-02T01:00',
      '2025-01-03T01:00',
      null,
    ]);
    expect(rule('FREQ=DAILY;UNTIL=20250102T200000', '2025-01-01T00:00', 3, options)).toEqual([
      '2025-01-02T01:00',
      '2025-01-03T01:00',
      null,
    ]);
    expect(rule('FREQ=DAILY;UNTIL=20250103T005959Z', '2025-01-01T00:00', 2, options)).toEqual([
      '2025-01-02T01:00',
      null,
    ]);
  });

  it('counts COUNT from its start, whenever it is asked', () => {
    const options = { startAt: '2025-01-01T09:00:00' };
    expect(rule('FREQ=DAILY;BYDAY=MO;COUNT=3', '2025-01-14T00:00', 2, options)).toEqual(['2025-01-20T09:00', null]);
    expect(rule('FREQ=DAILY;COUNT=5000', '2038-09-01T00:00', 3, options)).toEqual([
      '2038-09-01T09:00',
      '2038-09-02T09:00',
      '2038-09-03T09:00',
    ]);
    expect(rule('FREQ=DAILY;COUNT=5000', '2038-09-08T00:00', 3, options)).toEqual([
      '2038-09-08T09:00',
      '2038-09-09T09:00',
      null,
    ]);
  });

  it('starts at its creation, to the second, and stays there', () => {
    const trigger = make({ type: 'rrule', rule: 'FREQ=HOURLY' }, '2025-01-01T10:20:30.400');
    expect(trigger.toJSON()).toEqual({
      type: 'rrule',
      rule: 'FREQ=HOURLY',
      timezone: 'UTC',
      startAt: '2025-01-01T10:20:30.000Z',
    });
    expect(iso(trigger.nextTime(null, at('2025-01-01T10:30')))).toBe('2025-01-01T11:20:30');
  });

  it('is caught up', () => {
    const trigger = make({
      type: 'rrule',
      rule: 'FREQ=DAILY',
      startAt: '2025-01-01T09:00:00',
      exDates: ['2025-02-01T09:00:00'],
    });
    const first = trigger.nextOccurrence(null, at('2025-01-01T00:00'), SEED)!;
    expect(trigger.catchUp(first, at('2025-12-31T12:00'), SEED)).toMatchObject({
      count: 364,
      latest: { runTime: at('2025-12-31T09:00') },
      next: { runTime: at('2026-01-01T09:00') },
    });
  });

  it('says why it is impossible, and gives up where it cannot know', () => {
    const trigger = make({ type: 'rrule', rule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30' });
    expect(trigger.nextTime(null, 0)).toBeNull();
    expect(trigger.impossible()).toBe('its rule gives no date');
    expect(make({ type: 'rrule', rule: 'FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6' }).impossible()).toMatch(
      /finds no time of it/,
    );
  });

  it.each([
    ['FREQ=MONTHLY;BYMONTHDAY=40', /BYMONTHDAY, not "40"/],
    ['FREQ=MONTHLY;BYMONTH=13', /BYMONTH, not "13"/],
    ['FREQ=DAILY;BYHOUR=25', /BYHOUR, not "25"/],
    ['FREQ=DAILY;XX=1', /not XX/],
    ['FREQ=DAILY;FREQ=DAILY', /not FREQ again/],
    ['FREQ=DAILY;COUNT=0', /COUNT .*not "0"/],
    ['FREQ=DAILY;COUNT=20000', /maxRuns and endAt take more/],
    ['FREQ=DAILY;COUNT=2;UNTIL=20250101', /COUNT or UNTIL, not both/],
    ['FREQ=DAILY;INTERVAL=0', /INTERVAL, not "0"/],
    ['FREQ=DAILY;UNTIL=soon', /as UNTIL/],
    ['FREQ=SOMETIMES', /FREQ, not "SOMETIMES"/],
    ['FREQ=WEEKLY;BYDAY=XX', /BYDAY, not "XX"/],
    ['FREQ=WEEKLY;WKST=XX', /WKST, not "XX"/],
    ['BYDAY=MO', /a rule with FREQ/],
    ['FREQ', /parts such as/],
    ['', /parts such as/],
    ['FREQ=DAILY;BYSETPOS=1', /BYSETPOS/],
    ['FREQ=DAILY;BYDAY=1MO', /BYDAY/],
    ['DTSTART:20250101T090000Z', /text with an RRULE/],
    ['RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY', /lines of DTSTART, RRULE, EXDATE and RDATE/],
    ['RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY', /one, in the text or as an option/],
    ['DTSTART;TZID=Mars/Olympus:20250101T090000\nRRULE:FREQ=DAILY', /Mars/],
    ['DTSTART:tomorrow\nRRULE:FREQ=DAILY', /ISO 8601/],
    [5, /a recurrence rule such as/],
    [undefined, /a recurrence rule such as/],
  ])('refuses %j', (text, message) => {
    expect(() => make({ type: 'rrule', rule: text })).toThrow(InvalidOptionError);
    expect(() => make({ type: 'rrule', rule: text })).toThrow(message);
  });

  it('refuses what it does not know', () => {
    expect(() => make({ type: 'rrule', rule: 'FREQ=DAILY', exdates: [] })).toThrow(UnknownOptionError);
    expect(() => make({ type: 'rrule', rule: 'FREQ=DAILY', exDates: '2025-01-01' })).toThrow(/Invalid exDates/);
    expect(() => make({ type: 'rrule', rule: 'FREQ=DAILY', exDates: ['nope'] })).toThrow(/Invalid exDates\[0\]/);
  });
});
