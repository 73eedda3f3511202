import { JOURNAL_FUNCTIONS } from './journal.lua.js';
import { LEASES_FUNCTIONS } from './leases.lua.js';
import { PEEK_FUNCTION } from './peek.lua.js';
import { PRELUDE } from './prelude.lua.js';
import { RUNS_FUNCTIONS } from './runs.lua.js';
import { TAKE_FUNCTION } from './take.lua.js';
import { WRITE_FUNCTION } from './write.lua.js';

/**
 * What changes tasks: writes what has ended, is to be changed or is new, then takes what is due, then looks at what is due next,
 * and tells others of it; each where it is asked for.
 *
 * ARGV: a JSON object with `write`, `take`, `peek` and `tell` (the channel, and the message), and the texts of what is written.
 * Returns the time, what was not written, how many were looked at for taking, the rows of what was taken, what is next, and how
 * many members of the index were none: see `mend_due`.
 */
export const EXCHANGE = String.raw`${PRELUDE}${LEASES_FUNCTIONS}${RUNS_FUNCTIONS}${JOURNAL_FUNCTIONS}${WRITE_FUNCTION}${TAKE_FUNCTION}${PEEK_FUNCTION}
local request, strays, now = cjson.decode(ARGV[1]), mend_due(), now_ms()
local change = request.write
local refused = change and write(change.ids, change.entries, change.queues) or {}
local looked_at, rows, next_due = 0, false, false
if request.take or request.peek then
  end_leases(now)
end
if request.take then
  looked_at, rows = take(request.take, now)
end
if request.peek then
  next_due = peek(request.peek, now)
end
-- Where all was refused, there is nothing to tell of.
if request.tell and #refused < 2 * #change.ids then
  redis.call('PUBLISH', request.tell[1], request.tell[2])
end
return { whole(now), refused, looked_at, rows, next_due, strays }
`;
